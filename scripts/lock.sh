#!/usr/bin/env bash
# Writes the locks: every package with its hashes, for every system and Python that keyturn supports, and no host.
# `scripts/lock.sh --upgrade` takes newer versions; without it, only what the inputs demand changes.
set -euo pipefail
cd "$(dirname "$0")/.."

compile() { # compile OUTPUT INPUT…: one lock
  local output=$1
  shift
  .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
    --output-file "requirements/$output" "$@"
  echo "requirements/$output: $(grep -c '==' "requirements/$output") packages"
}

compile pip.txt "$@" requirements/pip.in
compile runtime.txt "$@" --extra all pyproject.toml requirements/build.in
compile dev.txt "$@" --all-extras --constraint requirements/runtime.txt pyproject.toml requirements/dev.in
compile mitmproxy.txt "$@" requirements/mitmproxy.in
