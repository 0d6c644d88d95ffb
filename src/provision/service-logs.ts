import { setTimeout as delay } from 'node:timers/promises';
import { SlipwayError } from '../base/errors/slipway-error.ts';
import type { MachineId } from '../drivers/driver.ts';
import type { Host } from '../hosts/host.ts';
import { openDrivers } from './cluster-drivers.ts';
import { requireNode } from './jobs/power.ts';
import { SERVICES } from './spec/node-paths.ts';
import { ClusterStateFolder } from './state/cluster-state.ts';

/** How often a log that is followed is asked for: over SSH each time is a command. */
const FOLLOW_MS = 500;
/** The kernel's own messages, under a name of their own. */
const KERNEL = 'kernel';

export interface LogRequest {
  /** Undefined: how each of Slipway's services is. */
  service: string | undefined;
  /** Of the newest lines; with `sinceSeconds` no limit unless it is given. */
  count: number | undefined;
  sinceSeconds: number | undefined;
  follow: boolean;
  signal: AbortSignal;
}

/**
 * Lines that a service of a node has logged, newest last, in portions as they come. Follows by asking again, so that nothing runs on the node
 * between two questions and none is left there. Throws NODE_UNKNOWN, SERVICE_UNKNOWN.
 */
export async function* serviceLogs(id: MachineId, request: LogRequest): AsyncGenerator<string[]> {
  const folder = new ClusterStateFolder(id.cluster);
  const state = await folder.require();
  const node = requireNode(state, id.name);
  const driver = await openDrivers(state.spec, { folder, dataDir: state.dataDir }).of(node);
  const machine = await driver.describe(id);
  if (!machine) throw new SlipwayError('NODE_UNKNOWN', { tried: `read logs of ${id.name}`, cause: 'it has no machine' });
  if (machine.state !== 'running')
    throw new SlipwayError('HOST_UNREACHABLE', {
      tried: `read logs of ${id.name}`,
      cause: 'its machine is stopped',
      advice: [`slipway node start ${id.name} --cluster ${id.cluster}`],
    });
  const host = await driver.connect(machine);
  try {
    const { service } = request;
    if (!service) yield await Promise.all(Object.values(SERVICES).map(async (name) => `${name}: ${await host.services.status(name)}`));
    else if (service === KERNEL) yield await kernelLines(host, request.count ?? 100);
    else yield* linesOf(host, id.name, { ...request, service });
  } finally {
    await host.close();
  }
}

async function* linesOf(host: Host, node: string, request: LogRequest & { service: string }): AsyncGenerator<string[]> {
  const { service, count, sinceSeconds, follow, signal } = request;
  if (!follow && sinceSeconds === undefined) {
    const lines = await host.services.logLines(service, count ?? 100);
    if (!lines.length) await requireService(host, node, service);
    yield lines;
    return;
  }
  let { lines, cursor } = await host.services.readLog(service, { sinceSeconds });
  if (!lines.length) await requireService(host, node, service);
  const wanted = count ?? (sinceSeconds === undefined ? 10 : undefined);
  yield wanted === undefined ? lines : lines.slice(-wanted || lines.length);
  while (follow && !signal.aborted) {
    await delay(FOLLOW_MS, undefined, { signal }).catch(() => {}); // Ctrl-C: the loop ends.
    if (signal.aborted) return;
    ({ lines, cursor } = await host.services.readLog(service, { cursor }));
    if (lines.length) yield lines;
  }
}

const kernelLines = async (host: Host, count: number): Promise<string[]> => {
  const { stdout } = await host.run(['sh', '-c', 'dmesg -T 2> /dev/null || dmesg']);
  return stdout.split('\n').filter(Boolean).slice(-count);
};

/** A log without a line is told apart from one that nobody writes. */
const requireService = async (host: Host, node: string, service: string): Promise<void> => {
  if ((await host.services.status(service)) !== 'absent') return;
  throw new SlipwayError('SERVICE_UNKNOWN', {
    tried: `read the log of ${service} on ${node}`,
    cause: `Slipway's services are ${Object.values(SERVICES).join(', ')}; ${KERNEL} is the kernel's log`,
    advice: [`slipway logs-of ${node}`],
  });
};
