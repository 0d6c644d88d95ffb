import type { Host } from '../hosts/host.ts';
import { NODE_PATHS, SERVICES } from './spec/node-paths.ts';

/** Takes everything of a node off a machine that goes on without it: services, containers with their mounts and networks, files. */
export const uninstall = async (host: Host): Promise<void> => {
  await host.services.remove(SERVICES.agent);
  await host.services.remove(SERVICES.server);
  await host.run(['sh', '-c', CLEAN_CONTAINERS], { check: false, timeoutMs: 120_000 });
  await host.services.remove(SERVICES.containerd);
  await host.run(['sh', '-c', CLEAN_FILES], { check: false, timeoutMs: 120_000 });
};

const CLEAN_CONTAINERS = `
ctr() { command ctr --address ${NODE_PATHS.containerdSocket} --namespace k8s.io "$@"; }
for task in $(ctr tasks list --quiet); do ctr tasks kill --signal KILL "$task"; ctr tasks delete --force "$task"; done
for container in $(ctr containers list --quiet); do ctr containers delete "$container"; done
for snapshot in $(ctr snapshots list | awk 'NR > 1 { print $1 }' | tac); do ctr snapshots remove "$snapshot"; done
for image in $(ctr images list --quiet); do ctr images remove --sync "$image"; done
`;

/** Only what lies below the agent's folder is unmounted: the folder itself may be a file system of the machine. */
const CLEAN_FILES = `
for at in $(awk '$2 ~ "^(${NODE_PATHS.kubelet}/|/run/netns/cni-|${NODE_PATHS.containerdState}/io)" { print $2 }' /proc/mounts | tac); do umount -l "$at"; done
rm -f /run/netns/cni-*
nft delete table inet slipway
ip link delete slipway-vxlan
rm -rf ${NODE_PATHS.config} ${NODE_PATHS.programs} ${NODE_PATHS.data} ${NODE_PATHS.podLogs} /var/log/slipway /var/log/containers
# What pods had mounted from elsewhere must not be removed with it.
grep -q ' ${NODE_PATHS.kubelet}/' /proc/mounts || rm -rf ${NODE_PATHS.kubelet}
rm -f ${NODE_PATHS.cniConfig}/*slipway*
exit 0
`;
