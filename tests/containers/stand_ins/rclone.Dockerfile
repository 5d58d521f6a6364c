# Stands in for `rclone/rclone`.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
RUN apt-get update && apt-get install --yes --no-install-recommends rclone
ENTRYPOINT ["rclone"]
