#!/usr/bin/env bash
# The main job from start to end on the embedded emulator: validate, plan, apply, an empty plan, a drift put right.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
python -m reconciler emulator >"$work/emulator.json" &
emulator=$!
trap 'kill $emulator 2>/dev/null || true; wait $emulator 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 100); do [ -s "$work/emulator.json" ] && break; sleep 0.1; done
read -r SSOREADY_API_URL SSOREADY_API_KEY < <(python - "$work/emulator.json" <<'P'
import json, sys
ready = json.load(open(sys.argv[1]))
print(ready["url"], ready["environments"]["production"]["key"])
P
)
export SSOREADY_API_URL SSOREADY_API_KEY RECONCILER_DELIVER="$work/delivered"

say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; "$@"; }
say reconciler validate manifests/production
say reconciler plan manifests/production
say reconciler apply --yes manifests/production
say reconciler plan manifests/production
printf '\nSomebody changes Acme outside of git: the display name, and all its domains are gone.\n'
python - <<'P'
import json, os, urllib.request
url, key = os.environ["SSOREADY_API_URL"], os.environ["SSOREADY_API_KEY"]
def call(method, path, body=None):
    data = json.dumps(body).encode() if body else None
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url + path, data, headers, method=method)) as answer:
        return json.load(answer)
acme = next(o for o in call("GET", "/v1/organizations")["organizations"] if o["externalId"] == "4711")
call("PATCH", f"/v1/organizations/{acme['id']}", {"externalId": "4711", "displayName": "Acme Inc."})
P
say reconciler plan manifests/production
say reconciler apply --yes manifests/production
say reconciler plan manifests/production
say reconciler show 4711
