#!/usr/bin/env bash
# Run all tests in an environment of their own, .venv-test. Further arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh

# The stand-in for CUDA that the placement tests load is compiled here.
if ! command -v gcc >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing gcc ..." >&2
  { apt-get update -qq && apt-get install -y -qq gcc libc6-dev; } >/dev/null ||
    echo "gcc could not be installed: the placement tests will be skipped." >&2
fi

make_environment .venv-test dev
# Two workers on two cores: more threads in each only wait for one another.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
exec .venv-test/bin/python -m pytest -q -n 2 --dist loadgroup "$@"
