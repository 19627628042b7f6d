#!/usr/bin/env bash
# Applies an overlay to the current cluster of kubectl: first everything except the service, then waits for the migration,
# then rolls out the service.
set -euo pipefail
: "${1:?usage: k8s/rollout.sh FOLDER, such as k8s/overlays/dev}"

namespace=$(kubectl kustomize "$1" | sed -n 's/^  namespace: //p' | head -n 1)

# A Job is immutable, so delete the previous one. Cassandra records which migrations have run.
kubectl --namespace "$namespace" delete job messenger-migrate --ignore-not-found
kubectl apply --kustomize "$1" --selector 'app.kubernetes.io/component!=server'
if ! kubectl --namespace "$namespace" wait --for=condition=complete --timeout=10m job/messenger-migrate; then
  kubectl --namespace "$namespace" logs --selector app.kubernetes.io/component=migrate --tail 20 >&2
  exit 1
fi
kubectl apply --kustomize "$1"
kubectl --namespace "$namespace" rollout status deployment/messenger --timeout=5m
