#!/usr/bin/env bash
# Installs the reconciler from its locked requirements, every file checked by its hash, into a folder of the job.
#
#   install.sh FOLDER [COMMIT]      a commit of the repository in ACTION_REPOSITORY instead of the one that lies here
set -euo pipefail

target=$1
commit=${2:-}
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

say() { echo "::error title=reconciler::$1" >&2; exit 64; }

command -v python3 >/dev/null || say 'python3 is missing: run actions/setup-python first'
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || say 'Python 3.11 or newer is needed: run actions/setup-python first'

if [[ -n $commit ]]; then
  [[ $commit =~ ^[0-9a-f]{40}$ ]] || say 'version must be a commit: forty hexadecimal digits'
  [[ -n ${ACTION_REPOSITORY:-} ]] || say 'version needs an action that is used by its repository, not by a path'
  here=$target-source
  git init --quiet -- "$here"
  git -C "$here" fetch --quiet --depth 1 -- "${GITHUB_SERVER_URL:?}/$ACTION_REPOSITORY" "$commit"
  git -C "$here" -c advice.detachedHead=false checkout --quiet FETCH_HEAD
fi

[[ -x $target/bin/reconciler ]] || {
  python3 -m venv "$target-build"
  pip=("$target-build/bin/python" -m pip --quiet --disable-pip-version-check)
  "${pip[@]}" install --require-hashes -r "$here/requirements-build.lock"
  python3 -m venv --without-pip "$target"
  "${pip[@]}" --python "$target/bin/python" install --require-hashes -r "$here/requirements.lock"
  "${pip[@]}" wheel --no-deps --no-build-isolation --wheel-dir "$target-wheel" "$here"
  "${pip[@]}" --python "$target/bin/python" install --no-deps "$target-wheel"/*.whl
  rm -rf -- "$target-build" "$target-wheel"
}

"$target/bin/reconciler" --version
if [[ -n ${GITHUB_PATH:-} ]]; then echo "$target/bin" >>"$GITHUB_PATH"; fi
