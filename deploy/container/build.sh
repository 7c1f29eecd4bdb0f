#!/usr/bin/env bash
# Builds the container image, as localhost/poold:VERSION and :latest, without a container engine in the background:
#   deploy/container/build.sh
# Needs root and the packages of `deploy/install-deps.sh image`. The bill of materials, the image's id and an archive of it for
# other machines (podman load, kind load image-archive) end up in build/image/.
#   POOLD_NO_CACHE=yes   build every layer again, with the packages that Debian has now
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

base=docker.io/library/debian:bookworm-slim
out=build/image
version=$(sed -nE 's/^project\(poold VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)
commit=$(git describe --always --dirty)
# Everything that has a date bears that of the commit, so that building it again gives the same image.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

say() { printf '==> %s\n' "$*"; }

# The base of the build stage, made from this machine's Debian mirrors. (Whoever prefers the one of the registry pulls it
# first. Nothing of it gets into the image but what poold needs.)
make_base() {
  local tar
  tar=$(mktemp --suffix=.tar)
  # shellcheck disable=SC2016  # apt-get expands that
  apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' |
    grep --invert-match backports | sort --unique |
    mmdebstrap --quiet --variant=minbase bookworm "$tar" -
  podman import --quiet "$tar" "$base" >/dev/null
  rm "$tar"
}

if ! buildah inspect --type image "$base" >/dev/null 2>&1; then
  say "make $base with mmdebstrap"
  make_base
fi

layers=(--layers)
if [[ -n "${POOLD_NO_CACHE:-}" ]]; then
  layers+=(--no-cache)
fi

say "build localhost/poold:$version ($commit)"
mkdir -p "$out"
buildah bud --isolation chroot --network host --pull-never "${layers[@]}" \
  --timestamp "$SOURCE_DATE_EPOCH" --identity-label=false \
  --build-arg "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" \
  --build-arg "CREATED=$(date --utc --date="@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)" \
  --build-arg "VERSION=$version" --build-arg "COMMIT=$commit" --build-arg "JOBS=${JOBS:-$(nproc)}" \
  --tag "localhost/poold:$version" --tag localhost/poold:latest --iidfile "$out/id" \
  --file deploy/container/Containerfile .

container=$(buildah from --pull-never localhost/poold:latest)
trap 'buildah rm "$container" >/dev/null' EXIT
cp "$(buildah mount "$container")/usr/share/doc/poold/sbom.spdx.json" "$out/"
rm -f "$out/poold.tar"
buildah push --quiet localhost/poold:latest "oci-archive:$out/poold.tar:localhost/poold:latest"
say "$(<"$out/id"), $(($(stat --format=%s "$out/poold.tar") / 1048576)) MB in $out/poold.tar, made of $out/sbom.spdx.json"
