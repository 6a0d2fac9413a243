#!/usr/bin/env bash
# Prints `3.12 /path/to/python3.12` for every other CPython 3.12 to 3.14 on this machine, and says which are not there.
# Looked for in PATH and in pyenv's versions, since a pyenv shim answers only for versions that are switched on.
set -euo pipefail
cd "$(dirname "$0")/.."

own=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
for version in 3.11 3.12 3.13 3.14; do
  [ "$version" != "$own" ] || continue
  found=
  for candidate in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version."*"/bin/python$version"; do
    if "$candidate" -c "import sys, venv, ensurepip
sys.exit(sys.implementation.name != 'cpython' or '%d.%d' % sys.version_info[:2] != '$version')" >/dev/null 2>&1; then
      found=$("$candidate" -c 'import sys; print(sys.executable)')
      break
    fi
  done
  if [ -n "$found" ]; then echo "$version $found"; else echo "NOT TESTED: no CPython $version on this machine" >&2; fi
done
