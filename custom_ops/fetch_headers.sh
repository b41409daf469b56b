#!/usr/bin/env bash
# Put onnxruntime's C headers into custom_ops/headers, from the Debian package libonnxruntime-dev.
#
# Where this release has no such package (Debian 12), it is taken from the suite named by ORT_DEBIAN_SUITE (trixie by
# default) at the mirrors that this machine's own sources name; nothing is installed and no setting is changed.
set -euo pipefail
cd "$(dirname "$0")"
package=libonnxruntime-dev
suite=${ORT_DEBIAN_SUITE:-trixie}

fail() {
  echo "$1" >&2
  echo "Unpack a release archive of ONNX Runtime instead, and set ORT_INCLUDE_DIR to the folder of onnxruntime_c_api.h." >&2
  exit 1
}

if [ -e headers/onnxruntime_c_api.h ]; then
  exit 0
fi
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || fail "apt-get was not found."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
options=()

download() {
  (cd "$work" && apt-get "${options[@]}" -qq download "$package" >/dev/null 2>"$work/errors")
}

if ! download; then
  release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  sources=/etc/apt/sources.list.d/debian.sources
  [ -e "$sources" ] || sources=/etc/apt/sources.list
  [ -n "$release" ] && grep -q "$release" "$sources" 2>/dev/null || fail "This release has no package $package."
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
  copy=$work/other.${sources##*.}
  sed "s/$release/$suite/g" "$sources" >"$copy"
  options=(-o "Dir::Etc::sourcelist=$copy" -o "Dir::Etc::sourceparts=/dev/null"
    -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache")
  apt-get "${options[@]}" -qq update >/dev/null 2>"$work/errors" && download ||
    fail "apt could not get $package from $suite: $(tail -n 1 "$work/errors")"
fi

dpkg-deb -x "$work/$package"_*.deb "$work/x"
found=$(find "$work/x" -name onnxruntime_c_api.h | head -n 1)
[ -n "$found" ] || fail "The package $package holds no onnxruntime_c_api.h."
mkdir -p headers
cp "$(dirname "$found")"/*.h headers/
echo "onnxruntime's headers are in $PWD/headers" >&2
