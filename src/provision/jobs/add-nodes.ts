import { ClusterStateFolder } from '../state/cluster-state.ts';
import { type Job, startJob } from './job.ts';
import { type UpResult, up } from './up.ts';

/** The steps of `up` for a cluster with more nodes than before; when they fail, the new machines go and the cluster stays as it was. */
export const addNodes = (name: string, options: { count: number; hosts: readonly string[]; signal: AbortSignal }): Job<UpResult> =>
  startJob(async (push) => {
    const state = await new ClusterStateFolder(name).require();
    const inner = up(
      { name, nodes: state.spec.nodes.length + options.count, addedHosts: options.hosts },
      { yes: true, keep: false, demo: false, mergeKubeconfig: false, switchContext: false, signal: options.signal },
    );
    for await (const event of inner.events) push(event);
    return inner.result;
  });
