#!/usr/bin/env bash
# Installs the npm packages of the test servers exactly as locked; runs no script of theirs. A second run does nothing.
set -euo pipefail
cd "$(dirname "$0")/../tests/servers"

if ! command -v npm >/dev/null; then
  echo "npm: not found; no test of the certified authorization server and the browser" >&2
  echo "hint: as root on Debian, \`scripts/system.sh\` installs it; elsewhere install Node.js 20 or newer" >&2
  exit 0
fi
wanted=$(cat package.json package-lock.json | sha256sum | cut -d' ' -f1)
stamp=node_modules/.keyturn-setup
[ "$(cat $stamp 2>/dev/null)" = "$wanted" ] && exit 0
echo "npm: installing the test servers into tests/servers/node_modules"
npm ci --ignore-scripts --loglevel=error
echo "$wanted" >$stamp
