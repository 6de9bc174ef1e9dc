#!/bin/sh
# Makes Countersign's own namespace with the search attributes its workflows set. Safe to run again.
# A namespace of its own: the attributes take 9 of the 10 Keyword columns of SQL visibility.
set -eu
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
while read -r name type; do
  temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" | grep -qw "$name" ||
    temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$name" --type "$type"
done <<'ATTRIBUTES'
CsPartner Keyword
CsOwner Keyword
CsIdentity Keyword
CsControl Keyword
CsTarget Keyword
CsPhase Keyword
CsWaitingOn Keyword
CsPolicy Keyword
CsRisk Keyword
CsWaitingSince Datetime
CsDeadline Datetime
CsEscalation Int
CsFrozen Bool
ATTRIBUTES
