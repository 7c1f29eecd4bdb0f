#!/usr/bin/env bash
# Makes the image's root directory, in the build stage of the Containerfile:
#   deploy/container/root.sh PROGRAM DIRECTORY
# The program without its debugging information, each library that it loads, the licences of these, and the few files that
# the C library and scanners of images look for.
set -euo pipefail

program=$1
root=$2

# As Debian has it: /lib is usr/lib.
mkdir -p "$root"/usr/{bin,lib,lib64} "$root"/usr/share/doc/poold "$root"/etc/ssl/certs "$root"/var/lib/dpkg/status.d
ln -s usr/lib "$root/lib"
ln -s usr/lib64 "$root/lib64"

strip --strip-unneeded -o "$root/usr/bin/poold" "$program"

# The package that owns a library. dpkg knows it by the name that its package has for it, in /lib or in /usr/lib.
owner_of() {
  { dpkg-query --search "$1" "/usr$1" 2>/dev/null || true; } | sed 's/:.*//' | sort --unique
}

# Notes the package where scanners of such images look for it, and brings its licence along.
add_package() {
  local package=$1
  dpkg-query --status "$package" >"$root/var/lib/dpkg/status.d/$package"
  mkdir -p "$root/usr/share/doc/$package"
  cp --dereference "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/"
}

mapfile -t libraries < <(ldd "$program" | grep --only-matching '/[^ ]*' | sort)
for library in "${libraries[@]}"; do
  package=$(owner_of "$library")
  if [[ -z "$package" ]]; then
    echo "$0: nobody owns $library" >&2
    exit 1
  fi
  install -D --mode=644 "$library" "$root$library"
  add_package "$package"
done
chmod 755 "$root/lib64"/ld-linux-*

cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
add_package ca-certificates
cp /etc/os-release /etc/debian_version "$root/etc/"
add_package base-files
printf 'poold:x:65532:65532::/:/usr/sbin/nologin\n' >"$root/etc/passwd"
printf 'poold:x:65532:\n' >"$root/etc/group"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
