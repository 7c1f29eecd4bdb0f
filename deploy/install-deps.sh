#!/usr/bin/env bash
# Installs the Debian packages that poold needs and that are missing, on Debian 12 (bookworm) and 13 (trixie):
#   deploy/install-deps.sh build|run|test|lint|fuzz|tidy|bare|image|failover|bench|cost ...
# Asks nothing, changes nothing and needs no rights when nothing is missing. Otherwise it needs root: a user who is not root
# gets it by sudo, after the packages are named.
set -euo pipefail

# shellcheck source=/dev/null
release=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME-}")
case "$release" in
  bookworm) boost=1.81 ;;
  trixie) boost=1.83 ;;
  *)
    echo "$0 knows the packages of Debian 12 (bookworm) and 13 (trixie) only" >&2
    exit 1
    ;;
esac

build_packages=(
  g++ cmake ninja-build ccache mold pkg-config
  protobuf-compiler protobuf-compiler-grpc libprotobuf-dev libgrpc++-dev
  libpqxx-dev libpq-dev libre2-dev libcli11-dev libspdlog-dev libssl-dev
  "libboost$boost-dev" "libboost-json$boost-dev" libyaml-cpp-dev prometheus-cpp-dev
)
run_packages=(postgresql)
test_packages=(curl git openssl libgtest-dev libgmock-dev nlohmann-json3-dev nghttp2-client jq ca-certificates)
# A machine may have a newer Node.js from elsewhere, with which Debian's npm conflicts: any npm will do.
if ! command -v npm >/dev/null; then
  test_packages+=(nodejs npm)
fi
# Debian's CLI is tested beside one that the machine has from elsewhere.
test_packages+=(awscli)
# A boto3 that a machine has from elsewhere is newer than Debian's.
if ! python3 -c 'import boto3' 2>/dev/null; then
  test_packages+=(python3-boto3)
fi
# kubectl has kustomize built in. Of Prometheus only promtool is used.
if ! command -v kubectl >/dev/null; then
  test_packages+=(kubernetes-client)
fi
test_packages+=(prometheus pgbouncer)
# Clients that the server is tested with: the AWS SDK for Go (of backports), and gRPC's in Python.
test_packages+=(golang-go python3-grpcio)
# Proxies, to see that what the service answers passes them.
test_packages+=(nginx haproxy)
lint_packages=(clang-format golang-go shellcheck)
fuzz_packages=(clang libclang-rt-dev)
tidy_packages=(clang-tidy)
# What makes a Debian that has nothing installed, and a network that leads nowhere.
bare_packages=(mmdebstrap iproute2 git)
# What makes the container image and tries it out, without any engine that runs in the background.
image_packages=(buildah podman runc mmdebstrap ca-certificates curl jq)
# A cluster of PostgreSQL nodes that chooses its primary by itself.
failover_packages=(patroni etcd-server)
# The HTTP/2 of the program that makes the load.
bench_packages=(libnghttp2-dev)
# What counts the instructions of a call.
cost_packages=(valgrind)
# What Debian 12 itself doesn't have (in this version), by the same purposes.
build_backports=(opentelemetry-cpp-dev)
test_backports=(libopentelemetry-proto-dev golang-github-aws-aws-sdk-go-v2-dev)
if [[ "$release" != bookworm ]]; then
  build_packages+=("${build_backports[@]}")
  test_packages+=("${test_backports[@]}")
  build_backports=() test_backports=()
fi

usage() {
  echo "usage: $0 build|run|test|lint|fuzz|tidy|bare|image|failover|bench|cost ..." >&2
  exit 2
}

say() { printf '==> %s\n' "$*"; }

# Prints those of its arguments that aren't installed.
missing_of() {
  local installed
  installed=" $(dpkg-query --show --showformat='${db:Status-Status}=${Package} ' "$@" 2>/dev/null || true)"
  local package
  for package in "$@"; do
    if [[ "$installed" != *" installed=$package "* ]]; then
      printf '%s\n' "$package"
    fi
  done
}

# apt-get, silent unless it fails.
apt() {
  local log
  log=$(mktemp)
  if ! DEBIAN_FRONTEND=noninteractive apt-get --quiet=2 --option Dpkg::Use-Pty=0 --option DPkg::Lock::Timeout=300 \
    "$@" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "apt-get $1 failed; its whole output is in $log" >&2
    exit 1
  fi
  rm -f "$log"
}

install_packages() {
  apt install --yes --no-install-recommends "$@"
}

# poold starts a database of its own: Debian's default one would only take memory and a port. Where there is a
# PostgreSQL already, nothing is touched.
avoid_default_cluster() {
  if [[ " $* " == *" postgresql "* && ! -e /etc/postgresql-common/createcluster.conf ]]; then
    install_packages postgresql-common
    mkdir -p /etc/postgresql-common/createcluster.d
    printf "create_main_cluster = false\n" >/etc/postgresql-common/createcluster.d/poold.conf
  fi
}

# These come in packages with a server that would start now and with the machine. Only the tests start them, and
# promtool is all that is wanted of prometheus.
avoid_servers() {
  local package
  local -A services=([prometheus]=prometheus [pgbouncer]=pgbouncer [nginx]=nginx [haproxy]=haproxy
    [patroni]=patroni [etcd-server]=etcd)
  local -a unwanted=()
  for package in "$@"; do
    if [[ -v services[$package] ]]; then
      unwanted+=("$package")
    fi
  done
  if ((${#unwanted[@]} == 0)); then
    return
  fi
  local policy=/usr/sbin/policy-rc.d
  if [[ ! -e "$policy" ]]; then
    trap 'rm /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
  fi
  install_packages "${unwanted[@]}"
  for package in "${unwanted[@]}"; do
    update-rc.d "${services[$package]}" disable >/dev/null
  done
}

# Backports come from the mirror that the machine uses for Debian itself.
enable_backports() {
  local list=/etc/apt/sources.list.d/poold-backports.list
  if apt-cache policy | grep -q 'n=bookworm-backports'; then
    return
  fi
  local mirror
  # shellcheck disable=SC2016  # apt-get expands that, not the shell
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | sort -u | head -n 1)
  printf 'deb %s bookworm-backports main\n' "$mirror" >"$list"
  apt update
}

# As root: the packages that are missing, then -- and those of them that come from backports.
install_missing() {
  local -a missing=() backports=()
  while [[ "$1" != -- ]]; do
    missing+=("$1")
    shift
  done
  backports=("${@:2}")
  say "apt-get update"
  apt update
  if ((${#missing[@]} > 0)); then
    say "apt-get install ${missing[*]} (takes a few minutes)"
    avoid_default_cluster "${missing[@]}"
    avoid_servers "${missing[@]}"
    install_packages "${missing[@]}"
  fi
  if ((${#backports[@]} > 0)); then
    say "apt-get install ${backports[*]} (from bookworm-backports)"
    enable_backports
    install_packages --target-release bookworm-backports "${backports[@]}"
  fi
}

main() {
  local -a wanted=() wanted_backports=()
  local purpose
  for purpose in "$@"; do
    case "$purpose" in
      build) wanted+=("${build_packages[@]}") wanted_backports+=("${build_backports[@]}") ;;
      run) wanted+=("${run_packages[@]}") ;;
      test) wanted+=("${test_packages[@]}") wanted_backports+=("${test_backports[@]}") ;;
      lint) wanted+=("${lint_packages[@]}") ;;
      fuzz) wanted+=("${fuzz_packages[@]}") ;;
      tidy) wanted+=("${tidy_packages[@]}") ;;
      bare) wanted+=("${bare_packages[@]}") ;;
      image) wanted+=("${image_packages[@]}") ;;
      failover) wanted+=("${failover_packages[@]}") ;;
      bench) wanted+=("${bench_packages[@]}") ;;
      cost) wanted+=("${cost_packages[@]}") ;;
      *) usage ;;
    esac
  done

  if ((${#wanted[@]} == 0)); then
    usage
  fi

  local -a missing=() missing_backports=()
  mapfile -t missing < <(missing_of "${wanted[@]}")
  if ((${#wanted_backports[@]} > 0)); then
    mapfile -t missing_backports < <(missing_of "${wanted_backports[@]}")
  fi
  if ((${#missing[@]} + ${#missing_backports[@]} == 0)); then
    return
  fi

  if ((EUID == 0)); then
    install_missing "${missing[@]}" -- "${missing_backports[@]}"
    return
  fi
  printf 'These packages are missing: %s\n' "${missing[*]} ${missing_backports[*]}" >&2
  if command -v sudo >/dev/null; then
    say "install them by sudo"
    # Which are missing is what this user sees: root may have another PATH.
    if sudo -- "$0" --install "${missing[@]}" -- "${missing_backports[@]}"; then
      return
    fi
  fi
  printf 'Only root can install them. As root, run this once:  %q %s\nThen try again: what follows needs no root.\n' \
    "$(readlink -f "$0")" "$*" >&2
  exit 1
}

if [[ "${1-}" == --install ]]; then
  install_missing "${@:2}"
else
  main "$@"
fi
