#!/bin/sh
# Runs once, on an empty volume: a role that is no superuser, and a database, for each user of the server.
set -eu

create() {
    psql --no-psqlrc --username postgres --set ON_ERROR_STOP=1 --set role="$1" --set password="$2" <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
SQL
    role=$1
    shift 2
    for database in "$@"; do
        createdb --username postgres --owner "$role" --encoding UTF8 --template template0 "$database"
    done
}

create perennial "$PERENNIAL_DATABASE_PASSWORD" perennial
create temporal "$TEMPORAL_DATABASE_PASSWORD" temporal temporal_visibility
