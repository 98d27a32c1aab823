#!/bin/sh
# Brings both databases of the Temporal cluster to the schema of this release. Does nothing where they have it.
set -eu

schema=/etc/temporal/schema/postgresql/v12

for pair in temporal:temporal temporal_visibility:visibility; do
    database=${pair%%:*}
    temporal-sql-tool --database "$database" setup-schema --version 0.0
    temporal-sql-tool --database "$database" update-schema --schema-dir "$schema/${pair##*:}/versioned"
done
