#!/usr/bin/env bash
# Generates the stubs of gRPC's clients in Python and JavaScript from proto/:
#   tests/clients/grpc/stubs.sh DIRECTORY
set -euo pipefail
clients=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
mkdir -p "$1"
# Where the generated JavaScript finds gRPC.
ln -s "$clients/node_modules" "$1/node_modules"
cd "$clients/../../proto"
protoc \
  --plugin=protoc-gen-grpc_python="$(command -v grpc_python_plugin)" --python_out="$1" --grpc_python_out="$1" \
  --plugin=protoc-gen-ts="$clients/node_modules/.bin/protoc-gen-ts" --ts_out="$1" \
  --ts_opt=client_grpc1,output_javascript_es2020,output_legacy_commonjs \
  google/rpc/*.proto smsvoice/v2/*.proto
