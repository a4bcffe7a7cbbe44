#!/bin/bash
# The database, who owns it, the role that serves and owns nothing (`./run` gives it the rights it needs), and the one
# that makes backups (docs/operating.md, Roles). Run once, by a superuser, over a new server.
set -euo pipefail
psql -qv ON_ERROR_STOP=1 -v owner="$OWNER_PASSWORD" -v service="$SERVICE_PASSWORD" -v backup="$BACKUP_PASSWORD" <<'END'
CREATE ROLE sunshine_owner LOGIN PASSWORD :'owner';
CREATE ROLE sunshine LOGIN PASSWORD :'service';
ALTER ROLE sunshine SET idle_in_transaction_session_timeout = '5min';
CREATE ROLE sunshine_backup LOGIN BYPASSRLS PASSWORD :'backup' IN ROLE pg_read_all_data;
CREATE DATABASE sunshine OWNER sunshine_owner ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0;
REVOKE CONNECT, TEMPORARY ON DATABASE sunshine FROM PUBLIC;
GRANT CONNECT ON DATABASE sunshine TO sunshine, sunshine_backup;
END
