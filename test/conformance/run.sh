#!/usr/bin/env bash
# Upstream's conformance suite against a fresh Slipway cluster of two nodes, as a black box, in namespaces of its own.
#
#   npm run test:conformance -- JUDGES [FOCUS] [SKIP]       FOCUS default '\[Conformance\]'
#
# JUDGES is a folder with e2e.test, ginkgo and kubectl 1.36 (built from the k8s.io/kubernetes module) and images/, docker-archives of the
# images that the suite names. PROCS specs run at once (default 4); ONLY=parallel or ONLY=serial runs that half; REPORT is where the
# logs go (default ./e2e-report). The specs that are expected to fail stand in expected-failures.txt, each with its reason.
set -uo pipefail
root=$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")
judges=$(realpath "${1:?usage: run.sh JUDGES [FOCUS] [SKIP]}")
focus=${2:-'\[Conformance\]'} skip=${3:-}
report=$(realpath -m "${REPORT:-e2e-report}") procs=${PROCS:-4} only=${ONLY:-parallel serial}

if [ -z "${SLIPWAY_CONFORMANCE_INSIDE:-}" ]; then
  mkdir -p "$report"
  work=$(mktemp -d /var/tmp/slipway-conformance-XXXXXX)
  trap 'rm -rf "$work"' EXIT
  SLIPWAY_CONFORMANCE_INSIDE=$work REPORT=$report exec_args=("$judges" "$focus" "$skip")
  export SLIPWAY_CONFORMANCE_INSIDE REPORT
  unshare --net --mount --pid --fork --kill-child --mount-proc bash "$(readlink -f "$0")" "${exec_args[@]}"
  exit $?
fi

work=$SLIPWAY_CONFORMANCE_INSIDE
mount -t tmpfs -o mode=755 tmpfs /run && ip link set lo up
export SLIPWAY_HOME=$work/home SLIPWAY_DATA=$work/data KUBECONFIG=$work/kubeconfig NO_COLOR=1
slipway() { "$root/bin/slipway" "$@"; }
slipway up conformance --yes --nodes "${NODES:-2}" || exit 1
trap 'slipway down conformance --force > /dev/null' EXIT
slipway image load "$judges"/images/*.tar || exit 1

export PATH="$judges:$PATH"
common=(--kubeconfig="$KUBECONFIG" --provider=skeleton --kube-api-content-type=application/json --node-os-distro=custom
  --dns-domain=cluster.local --minStartupPods=0 --disable-log-dump --report-dir="$report")
rc=0
if [[ $only == *parallel* ]]; then
  ginkgo --procs="$procs" --silence-skips --no-color --focus="$focus" --skip="\[Serial\]|\[Disruptive\]${skip:+|$skip}" \
    "$judges/e2e.test" -- "${common[@]}" --report-prefix=parallel- > "$report/parallel.log" 2>&1 || rc=1
fi
if [[ $only == *serial* ]]; then
  ginkgo --procs=1 --silence-skips --no-color --focus="(\[Serial\]|\[Disruptive\]).*($focus)|($focus).*(\[Serial\]|\[Disruptive\])" \
    ${skip:+--skip="$skip"} "$judges/e2e.test" -- "${common[@]}" --report-prefix=serial- > "$report/serial.log" 2>&1 || rc=1
fi
for half in $only; do
  echo "== $half"
  grep -aE '^(Ran|FAIL!|SUCCESS!)|^\s*\[FAIL\]' "$report/$half.log" | sort -u
done
exit $rc
