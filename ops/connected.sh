#!/bin/sh
# connected PORT...: succeeds when this container holds an established TCP connection to each remote
# port. It says that a process without a door of its own is attached to what it serves, no more.
set -eu
for port in "$@"; do
  hex=$(printf '%04X' "$port")
  awk -v remote=":$hex\$" '$3 ~ remote && $4 == "01" { found = 1 } END { exit !found }' \
    "${PROC_NET:-/proc/net}"/tcp "${PROC_NET:-/proc/net}"/tcp6 || {
    echo "no connection to port $port" >&2
    exit 1
  }
done
