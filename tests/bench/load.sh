#!/usr/bin/env bash
# Loads a `poold dev` of its own with DescribePools by id and CreatePool and prints, for each, calls per second, what
# failed, and the server's memory before and after:
#   tests/bench/load.sh [POOLD] [SECONDS]
# Eight connections with sixteen streams each. CreatePool founds its pools on a sender ID, which may be in many; once all
# in one account, once in an account for each connection.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

poold=${1:-build/release/poold}
seconds=${2:-10}
work=$(mktemp -d)
server=
stop() {
  if [[ -n "$server" ]]; then
    kill "$server" || true
    wait "$server" || true
  fi
  rm -rf "$work"
}
trap stop EXIT

"$poold" dev --data-dir "$work/data" --grpc-listen 127.0.0.1:0 --http-listen 127.0.0.1:0 --quota-pools 1000000000 >"$work/out" 2>"$work/err" &
server=$!
until address=$(sed -nE 's/^ready grpc=([^ ]*).*/\1/p' "$work/out") && [[ -n "$address" ]]; do
  kill -0 "$server" || { cat "$work/err" >&2; exit 1; }
  sleep 0.1
done
database=$(cat "$work/data/database-url")

# A request as gRPC frames it: a zero, four bytes of length, the message, which is shorter than 256 bytes here.
frame() { # TYPE FILE <text
  protoc -Iproto --encode="smsvoice.v2.$1" proto/smsvoice/v2/*.proto >"$work/message"
  { printf '%b' "\\x00\\x00\\x00\\x00\\x$(printf '%02x' "$(stat -c %s "$work/message")")" && cat "$work/message"; } >"$2"
}

# SERVICE/METHOD FILE FURTHER-ARGUMENTS
load() {
  h2load --connect-to="$address" -p h2c -d "$2" -H 'content-type: application/grpc' -H 'te: trailers' "${@:3}" \
    "http://$address/smsvoice.v2.$1"
}

memory() { awk '/^VmRSS/ {printf "%d MB", $2 / 1024}' "/proc/$server/status"; }

measure() { # NAME METHOD FILE
  local before after
  load "$2" "$3" -n 2000 -c 8 -m 16 >/dev/null # warm
  before=$(memory)
  load "$2" "$3" -D "$seconds" -c 8 -m 16 >"$work/report"
  after=$(memory)
  printf '%-22s %s\n' "$1" "$(sed -nE 's/^finished in [^,]*, ([0-9.]+) req\/s.*/\1 per second/p' "$work/report")"
  sed -nE 's/^(requests: .*)/  \1/p; s/^(time for request: .*)/  \1/p' "$work/report"
  printf '  memory %s before, %s after\n' "$before" "$after"
}

frame RequestSenderIdRequest "$work/sender" <<<'sender_id: "LOAD" iso_country_code: "GB"'
load SenderIds/RequestSenderId "$work/sender" -n 1 >/dev/null
frame CreatePoolRequest "$work/create" \
  <<<'origination_identity: "LOAD" iso_country_code: "GB" message_type: MESSAGE_TYPE_TRANSACTIONAL'
load Pools/CreatePool "$work/create" -n 1 >/dev/null
pool=$(psql "$database" -Atc 'SELECT pool_id FROM pools')
frame DescribePoolsRequest "$work/describe" <<<"pool_ids: \"$pool\""

measure 'DescribePools by id' Pools/DescribePools "$work/describe"
measure 'CreatePool' Pools/CreatePool "$work/create"
account() { printf '%012d' "$1"; }
for i in {1..8}; do
  load SenderIds/RequestSenderId "$work/sender" -n 1 -H "x-account-id: $(account "$i")" >/dev/null
done
before=$(memory)
loads=()
for i in {1..8}; do
  load Pools/CreatePool "$work/create" -D "$seconds" -c 1 -m 16 -H "x-account-id: $(account "$i")" >"$work/report$i" &
  loads+=($!)
done
wait "${loads[@]}"
printf '%-22s %s\n' 'CreatePool, 8 accounts' \
  "$(sed -nE 's/^finished in [^,]*, ([0-9.]+) req\/s.*/\1/p' "$work"/report? | awk '{sum += $1} END {printf "%.2f per second", sum}')"
sed -nE 's/^(requests: .*)/  \1/p' "$work"/report?
printf '  memory %s before, %s after\n' "$before" "$(memory)"
printf '  %s pools in the database\n' "$(psql "$database" -Atc 'SELECT count(*) FROM pools')"
if [[ -s "$work/err" ]]; then
  echo 'the server said:'
  tail -n 5 "$work/err"
fi
