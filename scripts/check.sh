#!/usr/bin/env bash
# Everything that must hold: lint, types, the tests on every other Python found, then all tests.
# Goes on after a failed step, so that one run shows everything; ends with pytest's summary and fails if anything did.
set -uo pipefail
cd "$(dirname "$0")/.."

failed=()
step() { # step NAME COMMAND…
  local name=$1
  shift
  printf '\n== %s\n' "$name"
  "$@" || failed+=("$name")
}

step "ruff check" .venv/bin/ruff check .
step "ruff format" .venv/bin/ruff format --check .
step "mypy" .venv/bin/mypy

pythons=$(scripts/pythons.sh) || failed+=("scripts/pythons.sh")
folders=tests/unit
[ ! -d tests/cases ] || folders="$folders tests/cases"
while read -r version python; do
  [ -n "$version" ] || continue
  other() { scripts/setup.sh dev ".venv-$version" "$python" && ".venv-$version/bin/python" -m pytest -q -m "not system" $folders; }
  step "unit tests and cases on CPython $version" other </dev/null
done <<<"$pythons"

if [ ${#failed[@]} -gt 0 ]; then # said before pytest, so that pytest's summary stays the last word
  printf '\nFAILED BEFORE THE MAIN TESTS: %s\nThe run fails whatever the tests below say.\n' "$(IFS=,; echo "${failed[*]}")"
fi
printf '\n== all tests on %s\n' "$(.venv/bin/python --version)"
.venv/bin/python -m pytest "$@"
status=$?
[ ${#failed[@]} -eq 0 ] || [ $status -ne 0 ] || status=1
exit $status
