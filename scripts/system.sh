#!/usr/bin/env bash
# Installs the system packages that tests start (Debian, as root); elsewhere says what is missing and what it costs.
# A second run finds everything there and does nothing. No service is started by an installation.
set -euo pipefail

# command or file | Debian package | what cannot be tested without it
needs='
chromium|chromium|login and consent in a real browser
/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf|fonts-dejavu-core|readable screenshots
gnome-keyring-daemon|gnome-keyring|the secret service store
dbus-daemon|dbus-daemon|the secret service store
dbus-run-session|dbus-daemon|the secret service store
dbus-send|dbus-bin|the secret service store
secret-tool|libsecret-tools|the secret service store, seen by another program
node|nodejs|the certified authorization server and the browser
npm|npm|the certified authorization server and the browser
tmux|tmux|the session in a terminal of 40 columns
strace|strace|system calls of the fresh path
spin|spin|the model of renewal
gcc|gcc|the model of renewal
ps|procps|processes left behind
curl|curl|keyturn token with curl
faketime|faketime|clocks that jump
unshare|util-linux|disks that are full
ip|iproute2|a machine that has IPv6 only
nsenter|util-linux|a machine that has IPv6 only
setpriv|util-linux|refusals that root never sees
git|git|the rules about tracked files
glewlwyd|glewlwyd|logging in at a second authorization server
zsh|zsh|completion in zsh
fish|fish|completion in fish
mandoc|mandoc|the man page
'

missing() {
  local need package cost
  while IFS='|' read -r need package cost; do
    [ -n "$need" ] || continue
    if [ "${need#/}" != "$need" ]; then [ -e "$need" ] && continue; else command -v "$need" >/dev/null && continue; fi
    echo "$need|$package|$cost"
  done <<<"$needs"
}

report() {
  missing | while IFS='|' read -r need package cost; do
    echo "system: $need is missing (Debian package $package): no test of $cost" >&2
  done
}

[ -n "$(missing)" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  report
  echo "hint: as root on Debian, \`scripts/system.sh\` installs them; the other tests run without" >&2
  exit 0
fi

packages=$(missing | cut -d'|' -f2 | sort -u | tr '\n' ' ')
echo "system: installing $packages"
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then # Debian asks this file before it starts a service; 101 means no
  trap 'rm -f $policy' EXIT
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 755 $policy
fi
export DEBIAN_FRONTEND=noninteractive
apt=(apt-get --quiet --quiet --option DPkg::Lock::Timeout=300)
if ! { "${apt[@]}" update && "${apt[@]}" install --yes --no-install-recommends $packages >/dev/null; }; then
  echo "system: apt-get failed" >&2
fi
report
