#!/bin/sh
# secrets.sh FOLDER: makes the passwords and encryption keys that docker-compose.yml expects, once, each in
# a file that only you can read. Keys that people answer for (log, connector) are made by
# `countersign root key` as docs/ceremonies.md says, and put beside them by hand; root keys never.
set -eu
umask 077
folder=${1:?usage: ops/secrets.sh FOLDER}
mkdir -p "$folder"
cd "$folder"
random() { openssl rand -hex 24; }
once() { [ -e "$1" ] || cat >"$1"; }
pgpass() { once "$1.pgpass" <<LINE
postgres:5432:countersign:$1:$2
LINE
}
ring() { once "$1" <<LINE
[{ "kid": "$(date -u +%Y-%m)", "key": "$(openssl rand -base64 32)" }]
LINE
}
[ -e db_owner_password ] || random | tr -d '\n' >db_owner_password
[ -e temporal_db_password ] || random | tr -d '\n' >temporal_db_password
pgpass cs_owner "$(cat db_owner_password)"
for role in cs_api cs_worker cs_keeper cs_connector; do pgpass "$role" "$(random)"; done
once role_passwords.json <<LINE
{
  "cs_api": "$(cut -d: -f5 cs_api.pgpass)",
  "cs_worker": "$(cut -d: -f5 cs_worker.pgpass)",
  "cs_keeper": "$(cut -d: -f5 cs_keeper.pgpass)",
  "cs_connector": "$(cut -d: -f5 cs_connector.pgpass)"
}
LINE
# Nobody is asked to witness the log, until this names somebody (C2SP tlog-policy).
once witness_policy <<LINE
quorum none
LINE
ring codec_keys.json
ring secret_keys.json
