# Stands in for `python`: its `python`, and a pip that can be uninstalled.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv python3-pip \
    && ln -s python3 /usr/bin/python \
    && rm /usr/lib/python3*/EXTERNALLY-MANAGED
# What this machine needs to reach its package registry.
COPY machine/ /
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt
RUN python -m pip install --ignore-installed pip \
    && apt-get purge --yes python3-pip python3-wheel
