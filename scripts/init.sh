#!/usr/bin/env bash
# Starts Cassandra, the migration and the service in containers, waits until the service is ready, and prints its URLs.
set -euo pipefail

usage='scripts/init.sh [--test-data]

Needs Docker or Podman with compose.

  --test-data   also writes test data
  --help        prints this text'

test_data=false
case "$#:${1:-}" in
  0:) ;;
  1:--test-data) test_data=true ;;
  1:--help) echo "$usage"; exit 0 ;;
  *) echo "$usage" >&2; exit 2 ;;
esac

cd "$(dirname "$0")/.."

engine=
for candidate in docker podman; do
  if "$candidate" info >/dev/null 2>&1 && "$candidate" compose version >/dev/null 2>&1; then
    engine=$candidate
    break
  fi
done
if [ -z "$engine" ]; then
  cat >&2 <<'TEXT'
No container engine: neither `docker compose` nor `podman compose` works on this host. Is the daemon running?
Without containers, use `npm ci && npm start` (data in memory) or `npm run start:cassandra` (a local Cassandra).
TEXT
  exit 1
fi

# The service waits for the migration, so this command fails if the migration fails.
"$engine" compose up --build --detach messenger

deadline=$((SECONDS + 60))
until "$engine" compose exec -T messenger node -e \
  'fetch("http://127.0.0.1:8000/readyz").then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))'; do
  if ((SECONDS >= deadline)); then
    echo 'The service was not ready within a minute. Its log:' >&2
    "$engine" compose logs --tail 20 messenger >&2
    exit 1
  fi
  sleep 1
done

if $test_data; then
  "$engine" compose --profile seed run --rm seed
fi

cat <<TEXT

  web client         http://localhost:8000/app
  documentation      http://localhost:8000/docs
  OpenAPI document   http://localhost:8000/openapi.json
  readiness check    http://localhost:8000/readyz

To stop: $engine compose down (add --volumes to delete the data, too).
TEXT
