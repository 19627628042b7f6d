#!/usr/bin/env bash
# Brings an overlay to the cluster that kubectl points at: all but the service, the migration, and then the service.
set -euo pipefail
: "${1:?usage: k8s/rollout.sh FOLDER, such as k8s/overlays/dev}"

namespace=$(kubectl kustomize "$1" | sed -n 's/^  namespace: //p' | head -n 1)

# A Job can't be changed; what it did is recorded in Cassandra.
kubectl --namespace "$namespace" delete job messenger-migrate --ignore-not-found
kubectl apply --kustomize "$1" --selector 'app.kubernetes.io/component!=server'
if ! kubectl --namespace "$namespace" wait --for=condition=complete --timeout=10m job/messenger-migrate; then
  kubectl --namespace "$namespace" logs --selector app.kubernetes.io/component=migrate --tail 20 >&2
  exit 1
fi
kubectl apply --kustomize "$1"
kubectl --namespace "$namespace" rollout status deployment/messenger --timeout=5m
