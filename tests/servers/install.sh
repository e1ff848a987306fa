#!/usr/bin/env bash
# Debian's servers, and the browser, that tests start: installed where they are missing, this is root and apt is there; else named.
# Nothing is left running: packages are told not to start what they install.
set -euo pipefail
PATH="$PATH:/usr/sbin:/sbin"
declare -A package=([sshd]=openssh-server [nginx]=nginx [redis-server]=redis-server [psql]=postgresql [chromium]=chromium)
missing=()
for program in "${!package[@]}"; do
    command -v "$program" >/dev/null || missing+=("${package[$program]}")
done
compgen -G "/usr/lib/postgresql/*/bin/postgres" >/dev/null || missing+=(postgresql)
compgen -G "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so" >/dev/null || missing+=(libnginx-mod-http-dav-ext)
((${#missing[@]})) || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "tests against real servers will be skipped; missing: ${missing[*]} (as root: make servers)"
    exit 0
fi
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
{ apt-get update -qq && apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${missing[@]}"; } >/dev/null
