#!/usr/bin/env bash
# Everything that must hold: lint, types, the tests on every other Python found, and all tests.
# The tests run beside the rest and are shown after it, so that pytest's summary is the last word. Goes on after a
# failed step, so that one run shows everything; fails if anything did, or hung.
set -uo pipefail
cd "$(dirname "$0")/.."

failed=()
step() { # step NAME COMMAND…
  local name=$1
  shift
  printf '\n== %s\n' "$name"
  "$@" || failed+=("$name")
}
tests() ( # tests VENV ARGUMENTS…: no run may hold up the others for ever, not even one that hangs at its end
  local venv=$1
  shift
  exec timeout --kill-after=30 2400 "$venv/bin/python" -m pytest "$@"
)

log=$(mktemp)
trap 'rm -f "$log"' EXIT
tests .venv "$@" >"$log" 2>&1 </dev/null &
all=$!
trap 'kill "$all" 2>/dev/null' INT TERM

step "ruff check" .venv/bin/ruff check .
step "ruff format" .venv/bin/ruff format --check .
step "mypy" .venv/bin/mypy

pythons=$(scripts/pythons.sh) || failed+=("scripts/pythons.sh")
folders=tests/unit
[ ! -d tests/cases ] || folders="$folders tests/cases"
while read -r version python; do
  [ -n "$version" ] || continue
  # chance is given fewer examples there: what it could find does not depend on the Python
  other() { scripts/setup.sh dev ".venv-$version" "$python" && KEYTURN_SOAK=50 tests ".venv-$version" -q -m "not system" $folders; }
  step "unit tests and cases on CPython $version" other </dev/null
done <<<"$pythons"

if [ ${#failed[@]} -gt 0 ]; then # said before pytest, so that pytest's summary stays the last word
  printf '\nFAILED BESIDE THE MAIN TESTS: %s\nThe run fails whatever the tests below say.\n' "$(IFS=,; echo "${failed[*]}")"
fi
printf '\n== all tests on %s\n' "$(.venv/bin/python --version)"
tail --quiet --lines=+1 --pid="$all" --follow "$log"
wait "$all"
status=$?
[ ${#failed[@]} -eq 0 ] || [ $status -ne 0 ] || status=1
exit $status
