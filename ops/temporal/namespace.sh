#!/bin/sh
# Makes Countersign's own namespace with the search attributes its workflows set. Safe to run again.
# A namespace of its own: the attributes take 9 of the 10 Keyword columns of SQL visibility.
set -eu
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"

# A new namespace is known to every part of the server only after its caches were renewed.
tries=0
until known=$(temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" 2>/dev/null); do
  tries=$((tries + 1))
  [ "$tries" -lt 60 ] || { echo "namespace $TEMPORAL_NAMESPACE does not answer" >&2; exit 1; }
  sleep 1
done

while read -r name type; do
  printf '%s\n' "$known" | grep -qw "$name" ||
    temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$name" --type "$type"
done <<'ATTRIBUTES'
CsPartner Keyword
CsOwner Keyword
CsIdentity Keyword
CsControl Keyword
CsTarget Keyword
CsPhase Keyword
CsWaitingOn KeywordList
CsPolicy Keyword
CsRisk Keyword
CsWaitingSince Datetime
CsDeadline Datetime
CsEscalation Int
CsFrozen Bool
ATTRIBUTES
