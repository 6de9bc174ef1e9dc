#!/bin/sh
# Brings Temporal's two databases to this server's schema. Safe to run again.
set -eu
SQL_PASSWORD=$(cat /run/secrets/temporal_db_password)
export SQL_PASSWORD
sql() {
  database=$1
  shift
  temporal-sql-tool --plugin postgres12 --ep temporal-postgres -p 5432 -u temporal --db "$database" "$@"
}
for store in temporal visibility; do
  database=temporal
  [ "$store" = visibility ] && database=temporal_visibility
  sql "$database" create
  # Setting up a schema that is there already fails and changes nothing.
  sql "$database" setup-schema -v 0.0 || echo "$database has a schema, updating it"
  sql "$database" update-schema -d "/etc/temporal/schema/postgresql/v12/$store/versioned"
done
