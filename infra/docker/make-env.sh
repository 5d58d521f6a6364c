#!/bin/sh
# Writes the secrets that docker-compose.yml asks for into `.env`, each made for this installation.
# What the file holds already stays as it is, so that the script may be run again after an upgrade.
set -eu
umask 077
file=${1:-.env}

secret() { od -An -N"${1:-20}" -tx1 /dev/urandom | tr -d ' \n'; }

add() {
    if ! grep -q "^$1=" "$file"; then
        printf '%s=%s\n' "$1" "$2" >>"$file"
        echo "$file: added $1"
    fi
}

touch "$file"
chmod 600 "$file"
# A last line without its end would swallow the first one that is added.
if [ -n "$(tail -c 1 "$file")" ]; then
    echo >>"$file"
fi
add POSTGRES_PASSWORD "$(secret)"
add DATABASE_PASSWORD "$(secret)"
add PREFECT_DATABASE_PASSWORD "$(secret)"
add RABBITMQ_PASSWORD "$(secret)"
add REDIS_PASSWORD "$(secret)"
add S3_ROOT_USER "$(secret 10)"
add S3_ROOT_PASSWORD "$(secret)"
add S3_ACCESS_KEY "$(secret 10)"
add S3_SECRET_KEY "$(secret)"
add PREFECT_AUTH_STRING "admin:$(secret)"
