#!/usr/bin/env bash
# Brings up Cassandra, the migration and the service in containers, waits until the service is ready, and says where.
set -euo pipefail

usage='scripts/init.sh [--test-data]

Needs Docker or Podman with compose.

  --test-data   fills it with data to look at, too
  --help        this text'

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
No container engine: neither `docker compose` nor `podman compose` works here (is the daemon running?).
Without one, `npm ci && npm start` keeps data in memory, and `npm run start:cassandra` in a real Cassandra.
TEXT
  exit 1
fi

# Returns once the migration, on which the service waits, has succeeded; fails where it failed.
"$engine" compose up --build --detach messenger

deadline=$((SECONDS + 60))
until "$engine" compose exec -T messenger node -e \
  'fetch("http://127.0.0.1:8000/readyz").then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))'; do
  if ((SECONDS >= deadline)); then
    echo 'The service was not ready within a minute. It says:' >&2
    "$engine" compose logs --tail 20 messenger >&2
    exit 1
  fi
  sleep 1
done

if $test_data; then
  "$engine" compose --profile seed run --rm seed
fi

cat <<TEXT

  the API, to try out   http://localhost:8000/docs
  its description       http://localhost:8000/openapi.json
  whether it is ready   http://localhost:8000/readyz

To stop: $engine compose down (with --volumes the data go, too).
TEXT
