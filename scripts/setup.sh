#!/usr/bin/env bash
# Makes a virtual environment in the clone from the hashed lock, with keyturn itself installed in place.
#
#   scripts/setup.sh            .venv with everything: tests, linters, all extras
#   scripts/setup.sh runtime    .venv with what `keyturn demo` needs
#   scripts/setup.sh dev .venv-3.12 /path/to/python3.12    another environment of another Python
#
# A second run finds its stamp and does nothing. PYTHON=/path/to/python chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."

what=${1:-dev}
venv=${2:-.venv}
python=${3:-${PYTHON:-}}
case $what in dev | runtime) ;; *) echo "setup: '$what' is neither dev nor runtime" >&2 && exit 2 ;; esac

fits() { # a shim of a Python that is not there fails here too
  "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
  local name
  for name in ${python:-python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3}; do
    if fits "$name"; then
      "$name" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  echo "setup: no Python 3.11 or newer with the venv module among: ${python:-python3, python3.14 … python3.11}" >&2
  echo "hint: on Debian, \`apt-get install python3-venv\`; or name one: \`make demo PYTHON=/path/to/python3\`" >&2
  exit 1
}

stamp="$venv/.keyturn-setup"
# The place is part of the stamp: the scripts inside a virtual environment hold its path, so a moved clone starts anew.
mark() { # mark dev|runtime: what the stamp says after that installation
  echo "$PWD/$venv"
  echo "$1 $(cat requirements/pip.txt "requirements/$1.txt" pyproject.toml | sha256sum | cut -d' ' -f1)"
}
done_before() { mark "$1" | cmp -s - "$stamp"; }

works=$("$venv/bin/python" -c 'import sys; print(sys.version_info >= (3, 11))' 2>/dev/null || true)
if [ "$works" = True ] && [ -f "$stamp" ]; then
  if done_before "$what" || { [ "$what" = runtime ] && done_before dev; }; then exit 0; fi
  [ "$(head -n 1 "$stamp")" = "$PWD/$venv" ] || works=moved
fi

if [ "$works" != True ]; then
  python=$(find_python)
  echo "setup: $venv with $("$python" --version) ($python)"
  rm -rf "$venv"
  "$python" -m venv "$venv"
fi
rm -f "$stamp"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
pip=("$venv/bin/python" -m pip --quiet --quiet install)
echo "setup: installing requirements/$what.txt into $venv"
"${pip[@]}" --require-hashes --requirement requirements/pip.txt
"${pip[@]}" --require-hashes --requirement "requirements/$what.txt"
"${pip[@]}" --no-deps --no-build-isolation --editable .
mark "$what" >"$stamp"
echo "setup: done; try $venv/bin/keyturn --help"
