import { ROUTE_PROTOCOL, VXLAN_DEVICE } from '../api/config/agent-config.ts';
import type { Host } from '../hosts/host.ts';
import { NODE_PATHS, SERVICES } from './spec/node-paths.ts';

/**
 * Takes everything of a node off a machine that goes on without it: services, containers with their mounts and networks, files. Nothing else:
 * what packages brought stays, and so does whatever somebody else has laid down beside. On a machine that is no node, nothing changes.
 */
export const uninstall = async (host: Host): Promise<void> => {
  await host.services.remove(SERVICES.agent);
  await host.services.remove(SERVICES.server);
  const containerd = await host.services.status(SERVICES.containerd);
  // Only containerd can take snapshots and sandboxes away in order.
  if (containerd === 'stopped' || containerd === 'failed') await host.services.start(SERVICES.containerd).catch(() => {});
  if (containerd !== 'absent') await host.run(['sh', '-c', CLEAN_CONTAINERS], { check: false, timeoutMs: 120_000 });
  await host.services.remove(SERVICES.containerd);
  await host.run(['sh', '-c', CLEAN_FILES], { check: false, timeoutMs: 120_000 });
};

const CLEAN_CONTAINERS = `
tries=0; until [ -S ${NODE_PATHS.containerdSocket} ] || [ $tries -ge 100 ]; do tries=$((tries + 1)); sleep 0.05; done
ctr() { timeout 60 ctr --address ${NODE_PATHS.containerdSocket} --namespace k8s.io "$@"; }
networks=$(for container in $(ctr containers list --quiet); do ctr containers info "$container" | grep -o '/netns/cni-[0-9a-f-]*'; done | sort -u)
for task in $(ctr tasks list --quiet); do ctr tasks kill --signal KILL "$task"; ctr tasks delete --force "$task"; done
for container in $(ctr containers list --quiet); do ctr containers delete "$container"; done
for snapshot in $(ctr snapshots list | awk 'NR > 1 { print $1 }' | tac); do ctr snapshots remove "$snapshot"; done
for image in $(ctr images list --quiet); do ctr images remove --sync "$image"; done
for network in $networks; do umount -l "/run$network"; rm -f "/run$network"; done
`;

/**
 * Rules of the plugin `portmap` for hostPorts, which only the orderly end of a pod takes away. Its first chains are shared with networks of others (the
 * plugin makes them again when it needs them): they go when no rule is left in them.
 */
const CLEAN_HOST_PORTS = `
nat() { iptables -w -t nat "$@"; }
if iptables-save -t nat 2> /dev/null | grep -q '^:CNI-HOSTPORT-DNAT '; then
  ours=$(nat -n --line-numbers -L CNI-HOSTPORT-DNAT | awk '/dnat name: "slipway" / { print $1, $2 }' | sort -rn)
  echo "$ours" | while read -r number chain; do if [ -n "$number" ]; then nat -D CNI-HOSTPORT-DNAT "$number"; fi; done
  for chain in $(echo "$ours" | awk '{ print $2 }' | sort -u); do nat -F "$chain"; nat -X "$chain"; done
  if ! nat -S CNI-HOSTPORT-DNAT | grep -q '^-A'; then
    for from in PREROUTING OUTPUT; do nat -D "$from" -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT; done
    nat -D POSTROUTING -m comment --comment 'CNI portfwd requiring masquerade' -j CNI-HOSTPORT-MASQ
    for chain in CNI-HOSTPORT-DNAT CNI-HOSTPORT-SETMARK CNI-HOSTPORT-MASQ; do nat -F "$chain"; nat -X "$chain"; done
  fi
fi`;

/**
 * Shims of our containerd are told by its address, and die with what they run. Only what lies below the agent's folder is unmounted: the folder
 * itself may be a file system of the machine, and so may the one of programs or data.
 */
const CLEAN_FILES = `
${CLEAN_HOST_PORTS}
for at in /proc/[0-9]*; do
  if tr '\\0' ' ' < "$at/cmdline" 2> /dev/null | grep -q '^[^ ]*containerd-shim-runc-v2 .*${NODE_PATHS.containerdSocket}'; then
    kill -9 $(cat "$at/task/\${at#/proc/}/children") "\${at#/proc/}" 2> /dev/null
  fi
done
for at in $(awk '$2 ~ "^(${NODE_PATHS.kubelet}/|${NODE_PATHS.containerdState}/io|${NODE_PATHS.containerdData}/)" { print $2 }' /proc/mounts | tac); do umount -l "$at"; done
nft delete table inet slipway
ip link delete ${VXLAN_DEVICE}
ip route flush proto ${ROUTE_PROTOCOL}
dns=$(sed -n 's/.*"clusterDns": *"\\([0-9.]*\\)".*/\\1/p' ${NODE_PATHS.config}/agent.json)
if [ -n "$dns" ]; then ip address del "$dns/32" dev lo; fi
clear() { if grep -q " $1 " /proc/mounts; then find "$1" -xdev -mindepth 1 -delete; else rm -rf "$1"; fi; }
for at in ${NODE_PATHS.programs} ${NODE_PATHS.podLogs} /var/log/slipway /var/log/containers ${NODE_PATHS.containerdState} /run/slipway/cni-leases; do clear $at; done
# Ours were removed one by one above; a machine that is itself a sandbox keeps the services of others here.
find ${NODE_PATHS.config} -xdev -mindepth 1 -maxdepth 1 ! -name services -exec rm -rf {} +
rmdir ${NODE_PATHS.config}/services ${NODE_PATHS.config}
# Clusters of local nodes, which this machine may have, lie beside.
find ${NODE_PATHS.data} -xdev -mindepth 1 -maxdepth 1 ! -name clusters ! -name networks -exec rm -rf {} +
rmdir ${NODE_PATHS.data} /run/slipway
# What pods had mounted from elsewhere must not be removed with it.
grep -q ' ${NODE_PATHS.kubelet}/' /proc/mounts || clear ${NODE_PATHS.kubelet}
rm -f ${NODE_PATHS.cniConfig}/*slipway* /var/lib/cni/results/slipway-*
exit 0
`;
