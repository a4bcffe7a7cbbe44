#!/bin/bash
# The role that serves: it owns nothing, and `./run` gives it the rights it needs. Run once, over a new server.
set -euo pipefail
psql -qv ON_ERROR_STOP=1 -v password="$SERVICE_PASSWORD" <<'END'
CREATE ROLE sunshine LOGIN PASSWORD :'password';
END
