#!/usr/bin/env bash
# The main job from start to end on the embedded emulator: validate, plan, apply, an empty plan, a drift put right.
set -euo pipefail
cd "$(dirname "$0")/.."

for program in python reconciler; do
  command -v "$program" >/dev/null || {
    echo "demo: $program is missing here: run \`make demo\`, which installs what is needed" >&2
    exit 1
  }
done

# whatever points to a real environment is none of the demo's business
for variable in $(compgen -e | grep -E '^(RECONCILER|SSOREADY)_' || true); do unset "$variable"; done

work=$(mktemp -d)
reconciler emulator >"$work/emulator.json" 2>"$work/emulator.log" &
emulator=$!
clean_up() {
  kill "$emulator" 2>/dev/null || true
  wait "$emulator" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

for _ in $(seq 200); do
  [ -s "$work/emulator.json" ] && break
  kill -0 "$emulator" 2>/dev/null || break
  sleep 0.1
done
[ -s "$work/emulator.json" ] || { echo "demo: the emulator did not start:" >&2; cat "$work/emulator.log" >&2; exit 1; }
read -r SSOREADY_API_URL SSOREADY_API_KEY < <(python -P - "$work/emulator.json" <<'P'
import json, sys
ready = json.load(open(sys.argv[1]))
print(ready["url"], ready["environments"]["production"]["key"])
P
)
export SSOREADY_API_URL SSOREADY_API_KEY RECONCILER_DELIVER="$work/delivered"

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\033[1m' plain=$'\033[0m'; fi
tell() { echo && printf '%s\n' "$@"; }
run() { # the exit code that is expected, then the command
  local expected=$1 code=0
  shift
  printf '\n%s$ %s%s\n' "$bold" "$*" "$plain"
  "$@" || code=$?
  [ "$code" = "$expected" ] || { echo "demo: exit code $code where $expected was expected" >&2; exit 1; }
}

tell "An SSOReady environment, empty, on an emulator: $SSOREADY_API_URL" \
  "The example manifests want four customers in it. Are the manifests sound? This needs no network."
run 0 reconciler validate manifests/production

tell "What would be done? A plan only reads."
run 0 reconciler plan manifests/production

tell "Do it. On a terminal it asks first, unless --yes is given."
run 0 reconciler apply --yes manifests/production

tell "Once more: nothing is left to do. The lines to paste make sure that it stays so."
run 0 reconciler plan manifests/production

tell "Now somebody changes Acme outside of git: another name, one domain gone, and one of a stranger."
python -P - <<'P'
import json, os, urllib.request
url, key = os.environ["SSOREADY_API_URL"], os.environ["SSOREADY_API_KEY"]
def call(method, path, body=None):
    data = json.dumps(body).encode() if body else None
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url + path, data, headers, method=method)) as answer:
        return json.load(answer)
acme = next(o for o in call("GET", "/v1/organizations")["organizations"] if o["externalId"] == "4711")
call("PATCH", f"/v1/organizations/{acme['id']}", {
    "externalId": "4711", "displayName": "Acme Inc.", "domains": ["acme.example", "stranger.example"],
})
P
tell "A plan sees it, and marks what may keep people from signing in." \
  "With --detailed-exitcode it leaves with 2, for checks."
run 2 reconciler plan --detailed-exitcode manifests/production

tell "Put it right, and look again."
run 0 reconciler apply --yes manifests/production
run 0 reconciler plan --detailed-exitcode --target acme manifests/production

tell "Done. The emulator ends here, with all that it held; \`reconciler emulator\` starts one to play with."
