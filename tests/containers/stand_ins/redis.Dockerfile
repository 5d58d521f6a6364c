# Stands in for `valkey/valkey:9.0`: the server of the wheel that the local stack uses, and Debian's client.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
RUN apt-get update && apt-get install --yes --no-install-recommends valkey-tools
COPY valkey-server /usr/local/bin/valkey-server
WORKDIR /data
CMD ["valkey-server"]
