#!/usr/bin/env bash
# One upstream cluster of two nodes, made, measured and removed, in namespaces of its own: what `npm run bench:up -- --pairs N` compares with.
#
#   up-peer.sh SCRIPTS BIN STATE [prepare]     SCRIPTS: cluster-up.sh, cluster-down.sh, measure.py; BIN: upstream's programs and images/
#
# `prepare` fills the nodes' image stores, which stay in STATE; each later run begins with them, as ours begins with its image at hand.
# Prints JSON: a line of cluster-up.sh, then a line a measure.
set -euo pipefail
scripts=$1 bin=$2 state=$3
if [ "${UP_PEER_INSIDE:-}" != 1 ]; then
  UP_PEER_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc bash "$(readlink -f "$0")" "$@"
fi
ip link set lo up
mount -t tmpfs -o mode=755 tmpfs /run
trap 'KEEP=1 "$scripts/cluster-down.sh" "$state" > /dev/null 2>&1' EXIT
if [ "${4:-}" = prepare ]; then
  PREPARE=1 "$scripts/cluster-up.sh" "$bin" "$state" 2 > /dev/null
  exit
fi
"$scripts/cluster-up.sh" "$bin" "$state" 2 | tr -d '\n' && echo
shims() { pgrep -fc containerd-shim || true; }
sleep 5
quiet=$(shims)
for what in rest rate burst deploy; do
  python3 "$scripts/measure.py" "$state" $what
  # What ends of the pods of one measure is no part of the next.
  until [ "$(shims)" -le "$quiet" ]; do sleep 0.2; done
done
