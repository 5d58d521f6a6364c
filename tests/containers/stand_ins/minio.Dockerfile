# Stands in for MinIO: its two programs as our files call them, and SeaweedFS behind them.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
RUN apt-get update && apt-get install --yes --no-install-recommends curl
COPY weed minio mc /usr/local/bin/
