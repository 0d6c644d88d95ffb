import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { MachineId } from '../../drivers/driver.ts';
import { openClient } from '../open-client.ts';
import { checkFlags, requireOwnHosts } from '../spec/check-wishes.ts';
import { type Job, startJob } from './job.ts';
import { requireNode, withReachedCluster } from './power.ts';
import { leave } from './remove-node.ts';
import { type UpResult, up } from './up.ts';

export interface ReplaceOptions {
  /** The machine is lost: it is not drained, and need not be reached. */
  force: boolean;
  /** Of the ssh driver: the host that becomes the node. */
  host?: string | undefined;
  signal: AbortSignal;
}

/**
 * A new machine under the same name: the old one is drained, leaves and is removed, then the steps of `up` make the new one. The saved state names
 * the node throughout, so after an interruption `up` makes what is missing.
 */
export const replaceNode = (id: MachineId, options: ReplaceOptions): Job<UpResult> =>
  startJob(async (push) => {
    await withReachedCluster(id.cluster, async ({ folder, state, drivers }) => {
      const node = requireNode(state, id.name);
      if (node.controlPlane)
        throw new SlipwayError('USAGE', {
          tried: `replace ${id.name}`,
          cause: 'it carries the only control plane of the cluster, and its store',
          advice: [`slipway upgrade ${id.cluster}   # for newer programs`, `slipway certs rotate ${id.cluster}`],
        });
      if (options.host && node.driver !== 'ssh')
        throw new SlipwayError('USAGE', {
          tried: `replace ${id.name} by ${options.host}`,
          cause: `its machine is made by the driver ${node.driver}`,
        });
      // The address that was given for the old host is not that of the new one.
      const { address: _old, ...kept } = node.settings;
      const settings = options.host ? { ...kept, host: options.host } : node.settings;
      if (options.host) {
        checkFlags(
          { hosts: [options.host] },
          { driverOf: () => node.driver, command: `slipway node replace ${id.name} --cluster ${id.cluster}` },
        );
        const replaced = { ...node, settings };
        requireOwnHosts([...state.spec.nodes.filter((one) => one.name !== id.name), replaced], [replaced]);
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
    });
    const inner = up(
      { name: id.cluster },
      { yes: true, keep: true, demo: false, mergeKubeconfig: false, switchContext: false, signal: options.signal },
    );
    for await (const event of inner.events) push(event);
    return inner.result;
  });
