#!/usr/bin/env bash
# Tries the image out: it runs as it would in Kubernetes, with nothing to write and no rights, against a PostgreSQL that is
# made for it and thrown away:
#   deploy/container/smoke-test.sh [IMAGE]
set -euo pipefail

if [[ -z "${POOLD_SMOKE_DATABASE:-}" ]]; then
  # Comes back with a database of its own in the environment.
  exec env POOLD_SMOKE_DATABASE=made pg_virtualenv -t "$0" "$@"
fi

image=${1:-localhost/poold:latest}
container=
trap 'if [[ -n "$container" ]]; then podman rm --force "$container" >/dev/null; fi' EXIT

# claim SENTENCE COMMAND ...: says what is tried, and stops at the first that is not so.
claim() {
  local sentence=$1
  shift
  if "$@" >/tmp/claim.$$ 2>&1; then
    printf 'ok      %s\n' "$sentence"
  else
    printf 'not ok  %s\n' "$sentence"
    sed 's/^/        /' /tmp/claim.$$
    rm -f /tmp/claim.$$
    exit 1
  fi
  rm -f /tmp/claim.$$
}

# Without a service manager podman keeps to what needs none. The limits are those that every machine allows.
in_container() {
  podman --runtime runc --cgroup-manager=cgroupfs "$1" --network=host --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 \
    --read-only --read-only-tmpfs=false --cap-drop=all --security-opt=no-new-privileges "${@:2}"
}

log_has() {
  podman logs "$container" 2>&1 | grep --quiet -- "$1"
}

wait_for_log() {
  local try
  for ((try = 0; try < 100; try++)); do
    log_has "$1" && return
    sleep 0.1
  done
  podman logs "$container"
  return 1
}

# The address behind a word of the line that says that the server is ready.
address() {
  podman logs "$container" 2>&1 | sed --quiet "s/.*ready.*$1=\([0-9.:]*\).*/\1/p" | head -n 1
}

status_of() {
  sed --quiet "s/^$1:[[:space:]]*\([^[:space:]]*\).*/\1/p" "/proc/$(podman inspect --format '{{.State.Pid}}' "$container")/status"
}

is() {
  printf '%s, expected %s\n' "$1" "$2"
  [[ "$1" == "$2" ]]
}

fails() {
  ! "$@"
}

describe_pools() {
  curl --silent --show-error --fail --header 'Content-Type: application/x-amz-json-1.0' \
    --header 'X-Amz-Target: PinpointSMSVoiceV2.DescribePools' --data '{}' "http://$(address http)/" | tee /dev/stderr |
    jq --exit-status '.Pools == []'
}

stop() {
  podman stop --time 30 "$container"
  is "$(podman inspect --format '{{.State.ExitCode}}' "$container")" 0
}

sbom_names() {
  local package
  podman cp "$container:/usr/share/doc/poold/sbom.spdx.json" - | tar --extract --to-stdout >/tmp/sbom.$$
  for package in "$@"; do
    jq --exit-status --arg name "$package" '.packages | any(.name == $name)' /tmp/sbom.$$
  done
  rm -f /tmp/sbom.$$
}

url="postgresql://$PGUSER:$PGPASSWORD@127.0.0.1:$PGPORT/postgres"

claim 'the image has no shell' fails in_container run --rm --entrypoint /bin/sh "$image" -c true
claim 'migrates' in_container run --rm --env "POOLD_DATABASE_URL=$url" "$image" migrate
container=$(in_container create --env "POOLD_DATABASE_URL=$url" "$image" serve \
  --grpc-listen 127.0.0.1:0 --http-listen 127.0.0.1:0)
claim 'starts' podman --runtime runc --cgroup-manager=cgroupfs start "$container"
claim 'becomes ready' wait_for_log ready
claim 'runs as nobody in particular' is "$(status_of Uid)" 65532
claim 'has no capabilities' is "$(status_of CapEff)" 0000000000000000
claim 'says that it serves' podman --runtime runc --cgroup-manager=cgroupfs exec "$container" /usr/bin/poold health "$(address grpc)"
claim 'answers a call' describe_pools
claim 'says what is in it' sbom_names poold libpq5 libgrpc++1.51 libc6 \
  opentelemetry-cpp libprometheus-cpp-core1.0
claim 'ends with 0 when asked to' stop
