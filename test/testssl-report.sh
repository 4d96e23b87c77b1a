#!/usr/bin/env bash
# Writes docs/testssl.txt: what testssl.sh finds on a gateway with its default settings. Takes several minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

data=$(mktemp -d)
port=${1:-28443}
GATEHOUSE_ADMIN_PASSWORD=$(head -c 18 /dev/urandom | base64) node bin/gatehouse.js up --data "$data" --port "$port" \
  >"$data/out" 2>&1 &
server=$!
trap 'kill "$server"; wait "$server" || true; rm -rf "$data"' EXIT
for _ in $(seq 600); do
  grep -q '^ready$' "$data/out" && break
  sleep 0.1
done

command=(testssl --quiet --color 0 --warnings off --ip one --add-ca certs/ca.crt --jsonfile findings.json "localhost:$port")
(cd "$data" && "${command[@]}" >report.txt) || true
{
  echo "\$ ${command[*]}"
  echo
  # Without what differs from run to run.
  sed -e 's/^ Start .*$//' -e 's/^ Done .*$//' "$data/report.txt"
  echo 'Findings above LOW:'
  node -e '
    const findings = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
    const grave = findings.filter(({ severity }) => ["MEDIUM", "HIGH", "CRITICAL"].includes(severity));
    for (const { id, severity, finding } of grave) console.log(`  ${id}  ${severity}  ${finding}`);
    if (grave.length === 0) console.log("  none");
  ' "$data/findings.json"
} >docs/testssl.txt
