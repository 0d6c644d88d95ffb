#!/usr/bin/env bash
# The work of action.yml: installs slipway where it is missing, makes the cluster, tells the steps that follow. Everything comes in SLIPWAY_CI_*.
set -euo pipefail

export SLIPWAY_HOME="${SLIPWAY_HOME:-${RUNNER_TEMP:?}/slipway}"
export KUBECONFIG="$RUNNER_TEMP/slipway.kubeconfig"

# The local driver makes namespaces and networks. Runners have sudo without a password.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo env "PATH=$PATH" "HOME=$HOME" "SLIPWAY_HOME=$SLIPWAY_HOME" "KUBECONFIG=$KUBECONFIG" CI=true "$@"; fi
}

if ! command -v slipway > /dev/null; then
  [ -n "${SLIPWAY_CI_PACKAGE:-}" ] || { echo '::error::slipway is not on the PATH: give the input package'; exit 2; }
  npm install --global --no-audit --no-fund --loglevel=error "$SLIPWAY_CI_PACKAGE"
fi

# Known before anything is made, so that the step that cleans up finds what a failed or cancelled one has left.
{
  echo "SLIPWAY_HOME=$SLIPWAY_HOME"
  echo "SLIPWAY_CI_NAME=$SLIPWAY_CI_NAME"
  echo "KUBECONFIG=$KUBECONFIG"
} >> "$GITHUB_ENV"

echo '::group::slipway up'
code=0
# shellcheck disable=SC2086 # several flags
as_root slipway up "$SLIPWAY_CI_NAME" --yes --keep --nodes "${SLIPWAY_CI_NODES:-2}" --timeout "${SLIPWAY_CI_TIMEOUT:-10m}" ${SLIPWAY_CI_ARGS:-} || code=$?
echo '::endgroup::'
if [ "$code" != 0 ]; then
  echo "::error::slipway up ended with exit code $code; what it made is kept until the step that cleans up"
  exit "$code"
fi
[ "$(id -u)" = 0 ] || sudo chown "$(id -u):$(id -g)" "$KUBECONFIG"

while IFS= read -r image; do
  [ -n "$image" ] || continue
  as_root slipway image load "$image" --cluster "$SLIPWAY_CI_NAME"
done <<< "${SLIPWAY_CI_IMAGES:-}"

{
  echo "kubeconfig=$KUBECONFIG"
  echo "server=$(slipway config view --minify --output 'jsonpath={.clusters[0].cluster.server}')"
} >> "$GITHUB_OUTPUT"
