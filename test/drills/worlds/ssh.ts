import { join } from 'node:path';
import { startSshMachines } from '../../support/sshd.ts';
import type { DrillDriver } from '../drill-world.ts';

export const ssh: DrillDriver = {
  missing: () => false,
  open: async (suite) => {
    const machines = await startSshMachines(join(suite.root, 'sshd'), 2);
    const look = async (): Promise<string[][]> =>
      Promise.all(machines.hosts.map(async (host) => (await host.run(['sh', '-c', LOOK])).stdout.split('\n').filter(Boolean)));
    return {
      upArgs: [...machines.targets.flatMap((target) => ['--host', target]), '-i', machines.identityFile],
      leftOnHosts: async () => (await look()).flat(),
      close: machines.close,
    };
  },
};

/** Files, services, programs, mounts, links, rules, addresses and routes of a node; the sshd of the machine itself is a service of its sandbox. */
const LOOK = `find /etc/slipway /usr/local/lib/slipway /var/lib/slipway /var/lib/kubelet /var/lib/cni /etc/cni /var/log/pods /var/log/containers ! -type d 2> /dev/null | grep -v ^/etc/slipway/services/sshd/
ls /run/slipway-init/services | grep slipway
ps -e -o args= | grep -E '^(containerd|runsv slipway|/usr/local/lib/slipway)'
awk '$2 ~ "slipway/|kubelet/|netns/" { print "mount " $2 }' /proc/mounts | grep -v -e ' /usr/local/lib/slipway$' -e ' /var/lib/slipway$' -e /var/tmp/
ip -brief link | grep -v -e '^lo ' -e '^eth0@'
nft list tables
ip -brief -4 address show lo | grep -o '10\\.96[^ ]*'
ip route show proto 83
true`;
