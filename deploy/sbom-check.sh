#!/usr/bin/env bash
# Compares the bill of materials of an image with the data of Debian's security tracker:
#   deploy/sbom-check.sh [SBOM [TRACKER]]
# SBOM: SPDX as JSON, of `make image`. TRACKER: https://security-tracker.debian.org/tracker/data/json as a file. Needs jq and
# dpkg, and no network. Prints what is fixed in Debian and not in the image, then what is not fixed.
# Exit code 0: nothing is to be updated; 1: something is; 2: it could not be checked.
set -euo pipefail

sbom=${1:-build/image/sbom.spdx.json}
tracker=${2:-build/image/debian-tracker.json}
release=bookworm
stale_after_days=7

fail() {
  printf '%s: %s\n' "$0" "$*" >&2
  exit 2
}

for program in jq dpkg; do
  command -v "$program" >/dev/null || fail "$program is missing; run: apt-get install $program"
done
[[ -r "$sbom" ]] || fail "there is no bill of materials $sbom; run: make image"
[[ -r "$tracker" ]] || fail "there are no data of Debian's security tracker in $tracker; where the network allows it, run:
  curl --fail --output $tracker https://security-tracker.debian.org/tracker/data/json"

# "SOURCE VERSION" of each package.
sources=$(jq --raw-output '[.packages[].sourceInfo // empty | ltrimstr("built package from: ")] | unique | .[]' "$sbom") ||
  fail "$sbom is no bill of materials of deploy/container/sbom.sh"
[[ -n "$sources" ]] || fail "$sbom names no package of Debian"

# "SOURCE VERSION CVE STATUS FIXED URGENCY" of what the tracker knows of them in this release.
# shellcheck disable=SC2016  # jq expands that
known=$(jq --raw-output --arg sources "$sources" --arg release "$release" '
  . as $tracker | $sources | split("\n")[] | split(" ") as [$source, $version]
  | $tracker[$source] // {} | to_entries[] | .key as $cve | .value.releases[$release] // empty
  | [$source, $version, $cve, .status, .fixed_version // "-", (.urgency // "-" | gsub(" "; "-"))] | join(" ")' "$tracker") ||
  fail "$tracker has not the form of the tracker's data"
# Every Debian has those two: without them the file is something else, or cut short.
jq --exit-status 'has("glibc") and has("openssl")' "$tracker" >/dev/null ||
  fail "$tracker knows neither glibc nor openssl, so it is not the whole of the tracker's data"

to_update=() open=()
while read -r source version cve status fixed urgency; do
  [[ -n "$source" ]] || continue
  case "$status" in
    resolved)
      # "0": this release never had it.
      if [[ "$fixed" != 0 && "$fixed" != - ]] && dpkg --compare-versions "$version" lt "$fixed"; then
        to_update+=("$source $version: $cve is fixed in $fixed")
      fi
      ;;
    *)
      if [[ "$urgency" != unimportant ]]; then
        open+=("$source $version: $cve is not fixed in Debian (urgency: $urgency)")
      fi
      ;;
  esac
done <<<"$known"

age=$((($(date +%s) - $(stat --format=%Y "$tracker")) / 86400))
printf '%d source packages, checked with data of %s\n' "$(wc --lines <<<"$sources")" "$(date --utc --reference="$tracker" +%F)"
if ((age > stale_after_days)); then
  printf 'the data are %d days old; get new ones\n' "$age"
fi
if ((${#open[@]} > 0)); then
  printf '\nopen, to be judged:\n'
  printf '  %s\n' "${open[@]}"
fi
if ((${#to_update[@]} > 0)); then
  printf '\nto update, by POOLD_NO_CACHE=yes make image:\n'
  printf '  %s\n' "${to_update[@]}"
  exit 1
fi
printf '\nnothing to update\n'
