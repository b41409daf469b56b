#!/usr/bin/env bash
# Show bridge at work on real flights, in an environment of its own, .venv-demo. Further arguments go to `bridge demo`.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh

runtime=cpu
if nvidia-smi >/dev/null 2>&1; then
  runtime=gpu
fi
make_environment .venv-demo "demo,$runtime"
exec .venv-demo/bin/bridge demo "$@"
