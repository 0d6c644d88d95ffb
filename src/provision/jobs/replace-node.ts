import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { type MachineId, usesHosts } from '../../drivers/driver.ts';
import { driverDescriptor } from '../../drivers/index.ts';
import { factsOf } from '../../hosts/facts/host-facts.ts';
import { machineSpec } from '../cluster-drivers.ts';
import { combineErrors } from '../combine-errors.ts';
import { hostFindings } from '../host-findings.ts';
import { withHostToBe } from '../host-to-be.ts';
import { openClient } from '../open-client.ts';
import { checkFlags, requireOwnHosts } from '../spec/check-wishes.ts';
import type { NodeSpec } from '../spec/cluster-spec.ts';
import { type Job, startJob } from './job.ts';
import { type OpenCluster, requireNode, withReachedCluster } from './power.ts';
import { leave } from './remove-node.ts';
import { type UpResult, up } from './up.ts';

export interface ReplaceOptions {
  /** The machine is lost: it is not drained, and need not be reached. */
  force: boolean;
  /** Install what is missing on a host that somebody has. */
  yes: boolean;
  /** Of drivers of hosts: the host that becomes the node. */
  host?: string | undefined;
  signal: AbortSignal;
}

/**
 * A new machine under the same name: the old one is drained, leaves and is removed, then the steps of `up` make the new one. The saved state names
 * the node throughout, so after an interruption `up` makes what is missing.
 */
export const replaceNode = (id: MachineId, options: ReplaceOptions): Job<UpResult> =>
  startJob(async (push) => {
    const yes = await withReachedCluster(id.cluster, async (cluster) => {
      const { folder, state, drivers } = cluster;
      const node = requireNode(state, id.name);
      if (node.controlPlane)
        throw new SlipwayError('USAGE', {
          tried: `replace ${id.name}`,
          cause: 'it carries the only control plane of the cluster, and its store',
          advice: [`slipway upgrade ${id.cluster}   # for newer programs`, `slipway certs rotate ${id.cluster}`],
        });
      const isHost = usesHosts(driverDescriptor(node.driver));
      if (options.host && !isHost)
        throw new SlipwayError('USAGE', {
          tried: `replace ${id.name} by ${options.host}`,
          cause: `its machine is made by the driver ${node.driver}`,
        });
      // The address that was given for the old host is not that of the new one.
      const { address: _old, ...kept } = node.settings;
      const settings = options.host ? { ...kept, host: options.host } : node.settings;
      if (options.host) {
        const command = `slipway node replace ${id.name} --cluster ${id.cluster}`;
        checkFlags({ hosts: [options.host] }, { driverOf: () => node.driver, command });
        const replaced = { ...node, settings };
        requireOwnHosts([...state.spec.nodes.filter((one) => one.name !== id.name), replaced], [replaced]);
        await requireFit(cluster, replaced, { ...options, command: `${command} --host ${options.host}${options.force ? ' --force' : ''}` });
      }
      const { client, close } = await openClient(folder);
      try {
        await leave({ client, drivers, cluster: id.cluster, node, createdAt: state.createdAt }, { ...options, push });
      } finally {
        await close();
      }
      const { [id.name]: _, ...addresses } = state.addresses;
      // Later than the replacement before it, also by the clock of another computer.
      const since = new Date(Math.max(Date.now(), (node.since ? Date.parse(node.since) : 0) + 1)).toISOString();
      const nodes = state.spec.nodes.map((one) => (one.name === id.name ? { ...one, settings, since } : one));
      await folder.write({ ...state, spec: { ...state.spec, nodes }, addresses });
      // A machine that is made for the node is nobody's to be asked for.
      return options.yes || !isHost;
    });
    const inner = up(
      { name: id.cluster },
      { yes, keep: true, demo: false, mergeKubeconfig: false, switchContext: false, signal: options.signal },
    );
    for await (const event of inner.events) push(event);
    return inner.result;
  });

/** What `up` would refuse the new host for is found before the old one is drained. */
const requireFit = async (
  { folder, state }: OpenCluster,
  node: NodeSpec,
  { yes, command, signal }: { yes: boolean; command: string; signal: AbortSignal },
): Promise<void> => {
  const { name: cluster, nodes } = state.spec;
  const target = String(node.settings['host']);
  const about = { driver: node.driver, spec: machineSpec(state.spec, node), keysIn: folder.path, signal };
  const { errors } = await withHostToBe(about, async (host) =>
    hostFindings({
      host: host.name,
      target,
      facts: await factsOf(host),
      marker: { cluster, clusterCreatedAt: state.createdAt, node: node.name },
      nodes: nodes.map(({ name }) => name),
      controlPlane: node.controlPlane,
      architecture: process.arch,
      force: false,
      yes,
      command,
    }),
  );
  if (errors.length) throw combineErrors(`replace ${node.name} by ${target}`, errors);
};
