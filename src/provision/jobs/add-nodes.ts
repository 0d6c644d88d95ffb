import { ClusterStateFolder } from '../state/cluster-state.ts';
import { type Job, startJob } from './job.ts';
import { type UpResult, up } from './up.ts';

export interface AddNodesOptions {
  count: number;
  hosts: readonly string[];
  identityFile?: string | undefined;
  jumpHost?: string | undefined;
  /** Also take hosts that are nodes of another cluster. */
  force?: boolean;
  sudoPassword?: string | undefined;
  /** A file of `slipway bundle create`. */
  bundle?: string | undefined;
  signal: AbortSignal;
}

/**
 * The steps of `up` for a cluster with more nodes than before; when they fail, the new machines go and the cluster stays as it was. How hosts are
 * reached is taken from the last node that is one, where nothing else is said.
 */
export const addNodes = (name: string, options: AddNodesOptions): Job<UpResult> =>
  startJob(async (push) => {
    const { spec } = await new ClusterStateFolder(name).require();
    const like = spec.nodes.findLast((node) => node.settings['host'] !== undefined)?.settings;
    const text = (key: string): string | undefined => (typeof like?.[key] === 'string' ? (like[key] as string) : undefined);
    const inner = up(
      {
        name,
        nodes: spec.nodes.length + options.count,
        addedHosts: options.hosts,
        identityFile: options.identityFile ?? text('identityFile'),
        jumpHost: options.jumpHost ?? text('jumpHost'),
      },
      {
        yes: true,
        keep: false,
        demo: false,
        mergeKubeconfig: false,
        switchContext: false,
        force: options.force,
        sudoPassword: options.sudoPassword,
        bundle: options.bundle,
        signal: options.signal,
      },
    );
    for await (const event of inner.events) push(event);
    return inner.result;
  });
