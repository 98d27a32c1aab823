#!/bin/sh
# Makes the namespace and registers what finance searches by. Does nothing where it is there.
set -eu

namespace=$TEMPORAL_NAMESPACE
# Each billing period of a contract is a run of its own; their histories stay for three months.
temporal operator namespace describe --namespace "$namespace" >/dev/null 2>&1 ||
    temporal operator namespace create --namespace "$namespace" --retention 90d

for attribute in ContractStatus=Keyword CustomerId=Keyword NextBillingAt=Datetime Currency=Keyword \
    MRR=Int DunningStage=Keyword OpenBalance=Int BillingHealth=Keyword; do
    temporal operator search-attribute create --namespace "$namespace" \
        --name "${attribute%%=*}" --type "${attribute##*=}"
done

temporal operator search-attribute list --namespace "$namespace"
