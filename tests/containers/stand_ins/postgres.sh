#!/bin/sh
# Creates the cluster at the first start, then becomes the server; runs any other command as it is.
set -eu
if [ "$1" != postgres ]; then
    exec "$@"
fi
as_postgres="setpriv --reuid=postgres --regid=postgres --clear-groups"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    mkdir -p "$PGDATA"
    chown -R postgres:postgres /var/lib/postgresql
    chmod 700 "$PGDATA"
    printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/password
    chown postgres /tmp/password
    # shellcheck disable=SC2086  # several arguments
    $as_postgres initdb --username=postgres --pwfile=/tmp/password --auth-local=trust \
        --auth-host=trust ${POSTGRES_INITDB_ARGS:-}
    rm /tmp/password
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
    mkdir -p /run/postgresql
fi
exec $as_postgres "$@"
