#!/usr/bin/env bash
# The work of down/action.yml. What up.sh had written to $GITHUB_ENV is in the environment; without it nothing was made.
set -euo pipefail

if [ -z "${SLIPWAY_HOME:-}" ] || [ -z "${SLIPWAY_CI_NAME:-}" ] || ! command -v slipway > /dev/null; then
  echo 'no cluster was made'
  exit 0
fi
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo env "PATH=$PATH" "HOME=$HOME" "SLIPWAY_HOME=$SLIPWAY_HOME" "KUBECONFIG=${KUBECONFIG:-}" CI=true "$@"; fi
}

if [ -n "${SLIPWAY_CI_BUNDLE:-}" ]; then
  # What is wrong with the cluster must not keep it from being removed.
  as_root slipway support bundle "$SLIPWAY_CI_NAME" -o "$SLIPWAY_CI_BUNDLE" || echo '::warning::no support bundle could be written'
  [ "$(id -u)" = 0 ] || sudo chown "$(id -u):$(id -g)" "$SLIPWAY_CI_BUNDLE" 2> /dev/null || true
fi
as_root slipway down "$SLIPWAY_CI_NAME" --force --if-exists
