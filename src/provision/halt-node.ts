import type { Host } from '../hosts/host.ts';
import { NODE_PATHS, SERVICES } from './spec/node-paths.ts';

/**
 * Stops a node on a machine that goes on: its agent first, which would start again what ends, then its containers, which get their signal and ten
 * seconds, then the rest. Files stay. A start of the machine starts the node, too.
 */
export const haltNode = async (host: Host): Promise<void> => {
  await host.services.stop(SERVICES.agent);
  await host.run(['sh', '-c', STOP_CONTAINERS], { check: false, timeoutMs: 60_000 });
  await host.services.stop(SERVICES.server);
  await host.services.stop(SERVICES.containerd);
};

/** The agent waits by itself for the others. */
export const wakeNode = async (host: Host): Promise<void> => {
  for (const service of [SERVICES.containerd, SERVICES.server, SERVICES.agent])
    if ((await host.services.status(service)) !== 'absent') await host.services.start(service);
};

const STOP_CONTAINERS = `
ctr() { timeout 30 ctr --address ${NODE_PATHS.containerdSocket} --namespace k8s.io "$@"; }
for task in $(ctr tasks list --quiet); do ctr tasks kill --signal TERM "$task" & done
wait
tries=0; while ctr tasks list | grep -q RUNNING && [ $tries -lt 100 ]; do tries=$((tries + 1)); sleep 0.1; done
for task in $(ctr tasks list | awk '$3 == "RUNNING" { print $1 }'); do ctr tasks kill --signal KILL "$task" & done
wait`;
