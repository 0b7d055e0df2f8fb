#!/usr/bin/env bash
# Run the unit tests on Python 3.12 and 3.13, where these are on the PATH or in ~/.pyenv.
# The locked packages are kept in ${XDG_CACHE_HOME:-~/.cache}/exai-tests, outside the clone.
# Usage: tests/other_pythons.sh [VERSION…]
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ $# -gt 0 ] || set -- 3.12 3.13
# Left out: what needs Prometheus, PostgreSQL or a file system of its own, or measures memory for a minute.
unit_tests=(
  tests/core tests/client tests/timeouts tests/prices tests/docs tests/environment/test_env_file.py
  --ignore=tests/core/test_crash.py --ignore=tests/core/test_full_disk.py
  --ignore=tests/client/test_errors_reach_postgres.py --ignore=tests/client/test_examples.py
  --deselect=tests/core/test_fold_labels.py::test_a_million_values_of_every_label_take_bounded_memory
)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/exai-tests"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

find_python() { # VERSION: print the path of an interpreter that runs; a pyenv shim may be there and refuse.
  local found
  for found in "$(command -v "python$1" || true)" "$HOME/.pyenv/versions/$1".*/bin/python"$1"; do
    if [ -x "$found" ] && "$found" -c 'import ensurepip, sqlite3, ssl' 2>/dev/null; then
      echo "$found"
      return
    fi
  done
  return 1
}

locked_packages() { # VERSION PYTHON: print the site-packages that have the locked packages, installing them once.
  local home
  home="$cache/python$1-$(sha256sum requirements-dev.lock | cut -c1-16)"
  mkdir -p "$cache"
  (
    flock 9
    if [ ! -e "$home/complete" ]; then
      rm -rf "$home"
      "$2" -m venv "$home"
      "$home/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock >&2
      touch "$home/complete"
    fi
  ) 9>"$home.lock"
  echo "$home/lib/python$1/site-packages"
}

missing=()
failed=()
for version in "$@"; do
  if ! python="$(find_python "$version")"; then
    missing+=("$version")
    continue
  fi
  echo "== Python $version: $python"
  packages="$(locked_packages "$version" "$python")"
  # A virtual environment of its own for this clone, in front of the packages that clones share.
  "$python" -m venv --without-pip "$work/$version"
  echo "$packages" >"$work/$version/lib/python$version/site-packages/locked.pth"
  "$work/$version/bin/python" -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
  "$work/$version/bin/python" -m pytest -q -n 2 --dist loadfile -p no:cacheprovider "${unit_tests[@]}" || failed+=("$version")
done

for version in "${missing[@]}"; do
  echo "Python $version was not found: not tested" >&2
done
for version in "${failed[@]}"; do
  echo "Python $version: tests failed" >&2
done
[ ${#failed[@]} -eq 0 ]
