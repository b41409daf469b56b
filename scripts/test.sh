#!/usr/bin/env bash
# Run all tests in an environment of their own, .venv-test. Further arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh

# The stand-in for CUDA that the placement tests load, and the native operator, are compiled here.
for tool in gcc g++ cmake; do
  if ! command -v $tool >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing $tool ..." >&2
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $tool libc6-dev; } >/dev/null ||
      echo "$tool could not be installed: the tests that need it will be skipped." >&2
  fi
done

make_environment .venv-test dev
# Two workers on two cores: more threads in each only wait for one another.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
exec .venv-test/bin/python -m pytest -q -n 2 --dist loadgroup "$@"
