#!/usr/bin/env bash
# Upstream's conformance suite against a fresh Slipway cluster of two nodes, as a black box, in namespaces of its own.
#
#   npm run test:conformance -- [JUDGES] [FOCUS] [SKIP]     JUDGES default ~/.cache/slipway-judges, FOCUS '\[Conformance\]'
#
# JUDGES is a folder with e2e.test, ginkgo and kubectl 1.36 and images/, docker-archives of the images that the suite names:
# build-judges.sh makes it. PROCS specs run at once (default 4); ONLY=parallel or ONLY=serial runs that half; REPORT is where the
# logs go (default ./e2e-report). A spec that fails is run once more, alone, on the same cluster: this machine may have been busy, and the
# verdict tells both. The specs that are expected to fail stand in expected-failures.txt, each with its reason.
set -uo pipefail
here=$(dirname "$(readlink -f "$0")") root=$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")
judges=$(realpath -m "${1:-$HOME/.cache/slipway-judges}")
focus=${2:-'\[Conformance\]'} skip=${3:-}
report=$(realpath -m "${REPORT:-e2e-report}") procs=${PROCS:-4} only=${ONLY:-parallel serial}

if [ -z "${SLIPWAY_CONFORMANCE_INSIDE:-}" ]; then
  for needed in e2e.test ginkgo kubectl images; do
    [ -e "$judges/$needed" ] || { echo "there is no $needed in $judges: test/conformance/build-judges.sh $judges" >&2; exit 2; }
  done
  mkdir -p "$report" && rm -f "$report"/junit_*-01.xml
  work=$(mktemp -d /var/tmp/slipway-conformance-XXXXXX)
  trap 'rm -rf "$work"' EXIT
  export SLIPWAY_CONFORMANCE_INSIDE=$work REPORT=$report
  unshare --net --mount --pid --fork --kill-child --mount-proc bash "$(readlink -f "$0")" "$judges" "$focus" "$skip"
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
# specs NAME PROCS GINKGO-FLAGS...: the log is NAME.log, the report junit_NAME-01.xml.
specs() {
  local name=$1 procs=$2
  shift 2
  ginkgo --procs="$procs" --silence-skips --no-color --timeout=3h "$@" "$judges/e2e.test" -- --kubeconfig="$KUBECONFIG" --provider=skeleton \
    --kube-api-content-type=application/json --node-os-distro=custom --dns-domain=cluster.local --minStartupPods=0 --disable-log-dump \
    --report-dir="$report" --report-prefix="$name-" > "$report/$name.log" 2>&1
}
verdict() { node "$here/judge-report.ts" "$1" "$report" $only; }

[[ $only != *parallel* ]] || specs parallel "$procs" --focus="$focus" --skip="\[Serial\]|\[Disruptive\]${skip:+|$skip}"
[[ $only != *serial* ]] ||
  specs serial 1 --focus="(\[Serial\]|\[Disruptive\]).*($focus)|($focus).*(\[Serial\]|\[Disruptive\])" ${skip:+--skip="$skip"}
again=$(verdict failed)
[ -z "$again" ] || specs again 1 --focus="$again"
verdict verdict
