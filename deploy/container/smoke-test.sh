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
url="postgresql://$PGUSER:$PGPASSWORD@127.0.0.1:$PGPORT/postgres"
scratch=$(mktemp --directory)
containers=()
clean_up() {
  if ((${#containers[@]} > 0)); then
    podman rm --force "${containers[@]}" >/dev/null
  fi
  rm -r "$scratch"
}
trap clean_up EXIT

# claim SENTENCE COMMAND ...: says what is tried, and stops at the first that is not so.
claim() {
  local sentence=$1
  shift
  # Not as a condition: bash would go on after a command that fails.
  set +e
  (
    set -e
    "$@"
  ) >"$scratch/claim" 2>&1
  local result=$?
  set -e
  if ((result != 0)); then
    printf 'not ok  %s\n' "$sentence"
    sed 's/^/        /' "$scratch/claim"
    exit 1
  fi
  printf 'ok      %s\n' "$sentence"
}

is() {
  printf '%s, expected %s\n' "$1" "$2"
  [[ "$1" == "$2" ]]
}

# Without a service manager podman keeps to what needs none.
engine() {
  podman --runtime runc --cgroup-manager=cgroupfs "$@"
}

# Prints the id of a new container: create OPTION ... "$image" ARGUMENT ... The limits are those that every machine allows.
create() {
  engine create --network=host --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --env "POOLD_DATABASE_URL=$url" "$@"
}

wait_for_log() {
  local try
  for ((try = 0; try < 100; try++)); do
    if podman logs "$1" 2>&1 | grep --quiet -- "$2"; then
      return
    fi
    sleep 0.1
  done
  podman logs "$1"
  return 1
}

# The address of an endpoint, from the line that names them.
address() {
  podman logs "$server" 2>&1 | sed --quiet "s/.*listening.* $1=\([0-9.:]*\).*/\1/p" | head -n 1
}

process() {
  podman inspect --format '{{.State.Pid}}' "$server"
}

status_of() {
  sed --quiet "s/^$1:[[:space:]]*\([^[:space:]]*\).*/\1/p" "/proc/$(process)/status"
}

root_is_read_only() {
  awk '$5 == "/" { print; split($6, options, ","); found = options[1] == "ro" } END { exit !found }' \
    "/proc/$(process)/mountinfo"
}

# Two files may be run, the second of which loads the libraries of the first. (Asked of a container that has not started
# yet: the engine adds files then.)
programs_are_poold_and_loader() {
  podman export "$idle" >"$scratch/root.tar"
  tar --list --verbose --file "$scratch/root.tar" | awk '$1 ~ /^-.*x/ { print $6 }' | sort >"$scratch/programs"
  cat "$scratch/programs"
  [[ "$(sed 's/ld-linux-.*/LOADER/' "$scratch/programs")" == $'usr/bin/poold\nusr/lib64/LOADER' ]]
}

says_that_it_serves() {
  engine exec "$server" /usr/bin/poold health "$(address health)"
  curl --silent --show-error --fail "http://$(address http)/readyz"
}

create_by_http() {
  curl --silent --show-error --fail --header 'Content-Type: application/x-amz-json-1.0' \
    --header 'X-Amz-Target: PinpointSMSVoiceV2.CreateOptOutList' --data '{"OptOutListName": "made-by-http"}' \
    --output "$scratch/answer" "http://$(address http)/"
  cat "$scratch/answer"
  jq --exit-status '.OptOutListName == "made-by-http"' "$scratch/answer"
}

# A gRPC call is an HTTP/2 request whose body is five bytes before the message, here an empty one: all zero. In the answer
# names are readable without a schema.
describe_by_grpc() {
  printf '\0\0\0\0\0' | curl --silent --show-error --fail --http2-prior-knowledge \
    --header 'Content-Type: application/grpc' --header 'TE: trailers' --data-binary @- \
    --dump-header "$scratch/headers" --output "$scratch/answer" \
    "http://$(address grpc)/smsvoice.v2.OptOutLists/DescribeOptOutLists"
  cat "$scratch/headers"
  grep --quiet '^grpc-status: 0' "$scratch/headers"
  grep --text --quiet made-by-http "$scratch/answer"
}

# bill_names PACKAGE ...
bill_names() {
  local package
  tar --extract --to-stdout --file "$scratch/root.tar" usr/share/doc/poold/sbom.spdx.json >"$scratch/sbom"
  for package in "$@"; do
    jq --exit-status --arg name "$package" '.packages | any(.name == $name)' "$scratch/sbom"
  done
}

ends_with_0() {
  engine stop --time 30 "$1"
  is "$(podman inspect --format '{{.State.ExitCode}}' "$1")" 0
}

# As root on a file system that it may write to. The engine itself leaves its mark, so what is compared with is a container
# that did nothing.
writes_nothing() {
  engine start --attach "$idle"
  engine start "$writer"
  wait_for_log "$writer" ready
  ends_with_0 "$writer"
  diff <(podman diff "$idle" | sort) <(podman diff "$writer" | sort)
}

as_in_kubernetes=(--read-only --read-only-tmpfs=false --cap-drop=all --security-opt=no-new-privileges)
serve=(serve --grpc-listen 127.0.0.1:0 --http-listen 127.0.0.1:0 --health-listen 127.0.0.1:0)
migration=$(create "${as_in_kubernetes[@]}" "$image" migrate)
containers+=("$migration")
server=$(create "${as_in_kubernetes[@]}" "$image" "${serve[@]}")
containers+=("$server")
idle=$(create --user 0 "$image" version)
containers+=("$idle")
writer=$(create --user 0 "$image" "${serve[@]}")
containers+=("$writer")

claim 'migrates' engine start --attach "$migration"
claim 'starts' engine start "$server"
claim 'becomes ready' wait_for_log "$server" ready
claim 'runs as nobody in particular' is "$(status_of Uid)" 65532
claim 'has no capabilities' is "$(status_of CapEff)" 0000000000000000
claim 'has a root file system that is read-only' root_is_read_only
claim 'has no program but poold: no shell, no package manager' programs_are_poold_and_loader
claim 'says that it serves' says_that_it_serves
claim 'answers a call by the HTTP endpoint' create_by_http
claim 'answers a call by the gRPC endpoint' describe_by_grpc
claim 'says what is in it' bill_names poold libpq5 libgrpc++1.51 libc6 \
  opentelemetry-cpp libprometheus-cpp-core1.0
claim 'ends with 0 when asked to' ends_with_0 "$server"
claim 'writes nothing even where it could' writes_nothing
