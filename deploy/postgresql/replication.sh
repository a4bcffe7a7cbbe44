#!/bin/bash
# A role that may replicate and nothing else, and who may use it. Run once, over a new or a running server.
set -euo pipefail
psql -qv ON_ERROR_STOP=1 -v password="$REPLICATION_PASSWORD" <<'END'
CREATE ROLE replication LOGIN REPLICATION PASSWORD :'password';
END
hba=$(psql -Atc 'SHOW hba_file')
echo "host replication replication ${REPLICATION_NETWORK:-samenet} scram-sha-256" >>"$hba"
psql -Atc 'SELECT pg_reload_conf()' >/dev/null
