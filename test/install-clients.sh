#!/usr/bin/env bash
# Installs the clients that the end-to-end tests drive, on Debian. Does nothing where all are there.
set -euo pipefail

# A command that tells whether the package is there, and the package.
wanted=(
  docker:docker.io dockerd:docker.io containerd:containerd runc:runc
  docker-registry:docker-registry podman:podman buildah:buildah skopeo:skopeo umoci:umoci
  curl:curl nginx:nginx-light busybox:busybox-static openssl:openssl ip:iproute2 htpasswd:apache2-utils
  haproxy:haproxy promtool:prometheus
  pebble:pebble pebble-challtestsrv:pebble testssl:testssl.sh
  fiu-run:fiu-utils slowhttptest:slowhttptest
)

export PATH="$PATH:/usr/sbin:/sbin"
missing=()
for entry in "${wanted[@]}"; do
  command -v "${entry%%:*}" >/dev/null || missing+=("${entry#*:}")
done
# Node from 25 on is linked with it, and a bare Debian has it only beside a compiler.
[[ $(ldconfig -p) == *libatomic.so.1\ * ]] || missing+=(libatomic1)
[ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || missing+=(libnginx-mod-stream)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "not installed: ${missing[*]} (run this script as root)" >&2
  exit 1
fi

# The services that come with the packages shall not start: the tests start their own. A policy that
# the machine has already is left alone.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update
# iptables: dockerd asks for its version even where it may not use it. ca-certificates: curl and the
# container tools read the system's store at start.
apt-get install --yes --no-install-recommends "${missing[@]}" iptables ca-certificates
