#!/usr/bin/env bash
# Unpacks the AWS CLIs of Debian 12 and of its backports side by side:
#   tests/clients/tours/unpack.sh DIRECTORY
# Then they are DIRECTORY/RELEASE/aws. What is there already stays. Both use the Python packages that Debian's awscli
# depends on, which deploy/install-deps.sh installs, but for awscrt: each has its own.
set -euo pipefail
mkdir -p "$1"
cd "$1"
for release in bookworm bookworm-backports; do
  if [[ -x "$release/aws" ]]; then
    continue
  fi
  printf '==> unpack the AWS CLI of %s\n' "$release"
  rm -rf "$release"
  mkdir "$release"
  (
    cd "$release"
    apt-get --quiet=2 --option APT::Sandbox::User=root download "awscli/$release" "python3-awscrt/$release"
    for package in *.deb; do
      dpkg-deb --extract "$package" .
    done
    rm -- *.deb
    cat >aws <<'EOF'
#!/bin/sh
unset PYTHONDONTWRITEBYTECODE # compiled once it starts in half the time
here=$(dirname "$(readlink -f "$0")")
PYTHONPATH="$here/usr/lib/python3/dist-packages" exec /usr/bin/python3 "$here/usr/bin/aws" "$@"
EOF
    chmod +x aws # the sign that all is there
  )
done
