#!/usr/bin/env bash
# Checks everything in deploy/, templates/ and docs/ci/ by the tools that will read it. A tool that is missing is an error.
set -uo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." || exit

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
failed=0

# run NAME TOOL ARGUMENT…: one line for each check
run() {
  local name=$1
  shift
  if ! command -v "$1" >/dev/null; then
    echo "missing  $name: $1 is not installed"
    failed=1
    return 1
  elif "$@" >"$work/log" 2>&1; then
    echo "ok       $name"
  else
    echo "FAILED   $name"
    cat "$work/log"
    failed=1
    return 1
  fi
}

# made NAME FILE TOOL ARGUMENT…: the same, and what it prints goes to the file
made() {
  local name=$1 file=$2
  shift 2
  run "$name" "$@" && cp "$work/log" "$file"
}

for folder in deploy/kustomize/base deploy/kustomize/overlays/production; do
  made "$folder" "$work/$(basename "$folder").yaml" kustomize build "$folder"
done
made "deploy/helm renders" "$work/helm.yaml" \
  helm template reconciler deploy/helm -f deploy/helm/example.yaml --namespace reconciler --kube-version 1.29
run "deploy/helm lints" helm lint deploy/helm -f deploy/helm/example.yaml --strict --kube-version 1.29
for file in "$work"/*.yaml; do
  for version in 1.29 1.33 1.37; do
    run "$(basename "$file" .yaml) on Kubernetes $version" kubernetes-validate -k "$version" --strict "$file"
  done
done

touch "$work/reconciler" && chmod +x "$work/reconciler"
for unit in deploy/systemd/*; do sed "s#/opt/reconciler/bin#$work#" "$unit" >"$work/$(basename "$unit")"; done
for unit in reconciler.service reconciler-once.service reconciler-once.timer; do
  run "$unit" systemd-analyze verify "$work/$unit"
done
for unit in reconciler.service reconciler-once.service; do
  run "$unit is exposed by 2.0 at most" systemd-analyze security --offline=true --threshold=20 "$work/$unit"
done

export RECONCILER_IMAGE=a GIT_SYNC_IMAGE=b REPOSITORY=https://git.example/a.git SSOREADY_API_URL=https://ssoready.example
if docker compose version >/dev/null 2>&1; then
  run "compose.yaml" docker compose -f deploy/compose.yaml config --quiet
else
  run "compose.yaml" compose-go -no-interpolation deploy/compose.yaml
fi

run "Dockerfile" hadolint Dockerfile
run "scripts" shellcheck action/install.sh deploy/check.sh
run "workflows" actionlint docs/ci/github/*.yml
run "workflows are safe" zizmor --offline --persona pedantic docs/ci/github/*.yml action.yml
exit "$failed"
