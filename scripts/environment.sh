# Sourced by the other scripts, from the repository's root: make_environment FOLDER EXTRAS

# Print the newest Python that this project takes. Each candidate is run: pyenv leaves shims that only print an error.
find_python() {
  local name path
  for name in python3.14 python3.13 python3.12 python3.11 python3 python; do
    for path in $(type -ap "$name"); do
      if "$path" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        echo "$path"
        return
      fi
    done
  done
  return 1
}

# Install this project with EXTRAS and the versions of constraints.txt into FOLDER, unless that was done already.
make_environment() {
  local folder=$1 extras=$2 python stamp
  stamp=$(cat pyproject.toml constraints.txt - <<<"$extras" | cksum)
  if [ "$(cat "$folder/.installed" 2>/dev/null)" = "$stamp" ] && "$folder/bin/python" -c '' 2>/dev/null; then
    return
  fi
  echo "Making the environment $folder (once, a minute or two) ..." >&2
  rm -rf "$folder"
  if command -v uv >/dev/null; then
    uv venv --quiet --python "$(find_python || echo 3.13)" "$folder" &&
      uv pip install --quiet --python "$folder/bin/python" -c constraints.txt -e ".[$extras]" || return 1
  else
    python=$(find_python) || {
      echo "No Python >= 3.11 with the module venv was found. Install one (Debian: python3 and python3-venv), or uv." >&2
      return 1
    }
    "$python" -m venv "$folder" &&
      "$folder/bin/python" -m pip install --quiet --quiet --disable-pip-version-check -c constraints.txt -e ".[$extras]" || return 1
  fi
  echo "$stamp" >"$folder/.installed"
}
