#!/usr/bin/env bash
# Installs the TLS-inspecting proxy of the tests exactly as locked, into an environment of its own: its pins are older
# than ours. A second run does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv-mitmproxy
stamp="$venv/.keyturn-setup"
wanted="$PWD/$venv $(cat requirements/pip.txt requirements/mitmproxy.txt | sha256sum | cut -d' ' -f1)"
[ "$(cat $stamp 2>/dev/null)" = "$wanted" ] && exit 0
python=${PYTHON:-.venv/bin/python}
echo "mitmproxy: installing the proxy of the tests into $venv"
rm -rf "$venv"
"$python" -m venv "$venv"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
pip=("$venv/bin/python" -m pip --quiet --quiet install --require-hashes)
"${pip[@]}" --requirement requirements/pip.txt
"${pip[@]}" --requirement requirements/mitmproxy.txt
echo "$wanted" >"$stamp"
