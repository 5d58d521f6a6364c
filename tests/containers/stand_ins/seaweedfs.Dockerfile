# Stands in for `chrislusf/seaweedfs`: the same program, from its wheel, and a wget.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
RUN apt-get update && apt-get install --yes --no-install-recommends wget
COPY weed /usr/local/bin/weed
