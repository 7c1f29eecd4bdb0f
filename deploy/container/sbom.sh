#!/usr/bin/env bash
# Prints the image's bill of materials as SPDX 2.3 (JSON), in the build stage of the Containerfile:
#   deploy/container/sbom.sh ROOT SECONDS_SINCE_1970
# The packages in ROOT (var/lib/dpkg/status.d) are what poold loads at run time. Those that it was built with are named too:
# of some, headers are a part of it.
set -euo pipefail

root=$1
date=$(date --utc --date="@$2" +%Y-%m-%dT%H:%M:%SZ)
digest=$(sha256sum "$root/usr/bin/poold" | cut --delimiter=' ' --fields=1)
version=$("$root/usr/bin/poold" version | sed 's/^poold //')

mapfile -t loaded < <(find "$root/var/lib/dpkg/status.d" -type f -printf '%f\n' | sort)
mapfile -t built_with < <(dpkg-query --show --showformat='${db:Status-Abbrev}${Package}\n' |
  sed --quiet 's/^ii *//p' | grep --extended-regexp -- '-dev$|^(g\+\+|cmake|protobuf-compiler)' | sort)

packages=
relationships=
number=0

# add RELATIONSHIP PACKAGE ...: how poold and each of the packages hang together. dpkg's values have no characters that
# JSON would escape.
add() {
  local relationship=$1 name id
  shift
  for name in "$@"; do
    number=$((number + 1))
    id=SPDXRef-Package-$number
    # shellcheck disable=SC2016  # dpkg-query expands that
    packages+=$(dpkg-query --show --showformat=',
    {
      "SPDXID": "'"$id"'",
      "name": "${Package}",
      "versionInfo": "${Version}",
      "supplier": "Organization: Debian",
      "downloadLocation": "NOASSERTION",
      "filesAnalyzed": false,
      "sourceInfo": "built package from: ${source:Package} ${source:Version}",
      "externalRefs": [
        {
          "referenceCategory": "PACKAGE-MANAGER",
          "referenceType": "purl",
          "referenceLocator": "pkg:deb/debian/${Package}@${Version}?arch=${Architecture}&distro=debian-12"
        }
      ]
    }' "$name")
    case "$relationship" in
      DEPENDS_ON) relationships+=$(relationship SPDXRef-poold DEPENDS_ON "$id") ;;
      BUILD_DEPENDENCY_OF) relationships+=$(relationship "$id" BUILD_DEPENDENCY_OF SPDXRef-poold) ;;
    esac
  done
}

relationship() {
  printf ',\n    { "spdxElementId": "%s", "relationshipType": "%s", "relatedSpdxElement": "%s" }' "$@"
}

add DEPENDS_ON "${loaded[@]}"
add BUILD_DEPENDENCY_OF "${built_with[@]}"

cat <<JSON
{
  "spdxVersion": "SPDX-2.3",
  "dataLicense": "CC0-1.0",
  "SPDXID": "SPDXRef-DOCUMENT",
  "name": "poold-$version",
  "documentNamespace": "urn:poold:sbom:$digest",
  "creationInfo": { "created": "$date", "creators": ["Tool: poold-deploy-container-sbom"] },
  "packages": [
    {
      "SPDXID": "SPDXRef-poold",
      "name": "poold",
      "versionInfo": "$version",
      "downloadLocation": "NOASSERTION",
      "filesAnalyzed": false,
      "checksums": [{ "algorithm": "SHA256", "checksumValue": "$digest" }]
    }$packages
  ],
  "relationships": [
    { "spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-poold" }$relationships
  ]
}
JSON
