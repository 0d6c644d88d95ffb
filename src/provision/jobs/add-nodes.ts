import type { MoreNodes } from '../spec/more-nodes.ts';
import type { Job } from './job.ts';
import { type UpResult, up } from './up.ts';

export interface AddNodesOptions {
  /** Install what is missing without asking. */
  yes: boolean;
  /** Also take hosts that are nodes of another cluster. */
  force?: boolean;
  sudoPassword?: string | undefined;
  /** A file of `slipway bundle create`. */
  bundle?: string | undefined;
  signal: AbortSignal;
}

/** The steps of `up` for a cluster with more nodes than before; when they fail, the new machines go and the cluster stays as it was. */
export const addNodes = (name: string, added: MoreNodes, options: AddNodesOptions): Job<UpResult> =>
  up(
    { name, added },
    {
      ...options,
      command: `slipway node add --cluster ${name}${added.pool ? ` --pool ${added.pool}` : ''}`,
      keep: false,
      demo: false,
      mergeKubeconfig: false,
      switchContext: false,
    },
  );
