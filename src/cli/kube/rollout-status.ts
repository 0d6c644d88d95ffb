import type { KubeObject } from '../../api/meta/object.ts';

export interface RolloutState {
  message: string;
  done: boolean;
  /** The rollout cannot go on. */
  failed?: boolean;
}

type Fields = Record<string, unknown>;
const number = (fields: Fields, name: string): number => (fields[name] as number | undefined) ?? 0;

/** Where a rollout stands, in kubectl's words. Undefined for kinds that have no rollouts. */
export const rolloutState = (object: KubeObject): RolloutState | undefined => {
  const spec = (object['spec'] ?? {}) as Fields;
  const status = (object['status'] ?? {}) as Fields;
  const name = object.metadata.name ?? '';
  const observed = number(status, 'observedGeneration') >= (object.metadata.generation ?? 0);
  switch (object.kind) {
    case 'Deployment':
      return observed ? deploymentState(name, spec, status) : waiting('Waiting for deployment spec update to be observed...\n');
    case 'DaemonSet':
      return observed ? daemonSetState(name, status) : waiting('Waiting for daemon set spec update to be observed...\n');
    case 'StatefulSet':
      return observed ? statefulSetState(spec, status) : waiting('Waiting for statefulset spec update to be observed...\n');
    default:
      return undefined;
  }
};

const waiting = (message: string): RolloutState => ({ message, done: false });

const deploymentState = (name: string, spec: Fields, status: Fields): RolloutState => {
  const conditions = (status['conditions'] ?? []) as { type: string; reason?: string }[];
  if (conditions.some(({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded'))
    return { message: `deployment "${name}" exceeded its progress deadline`, done: false, failed: true };
  const [wanted, replicas, updated, available] = [
    number(spec, 'replicas'),
    number(status, 'replicas'),
    number(status, 'updatedReplicas'),
    number(status, 'availableReplicas'),
  ];
  const begin = `Waiting for deployment "${name}" rollout to finish: `;
  if (updated < wanted) return waiting(`${begin}${updated} out of ${wanted} new replicas have been updated...\n`);
  if (replicas > updated) return waiting(`${begin}${replicas - updated} old replicas are pending termination...\n`);
  if (available < updated) return waiting(`${begin}${available} of ${updated} updated replicas are available...\n`);
  return { message: `deployment "${name}" successfully rolled out\n`, done: true };
};

const daemonSetState = (name: string, status: Fields): RolloutState => {
  const [wanted, updated, available] = [
    number(status, 'desiredNumberScheduled'),
    number(status, 'updatedNumberScheduled'),
    number(status, 'numberAvailable'),
  ];
  const begin = `Waiting for daemon set "${name}" rollout to finish: `;
  if (updated < wanted) return waiting(`${begin}${updated} out of ${wanted} new pods have been updated...\n`);
  if (available < wanted) return waiting(`${begin}${available} of ${wanted} updated pods are available...\n`);
  return { message: `daemon set "${name}" successfully rolled out\n`, done: true };
};

const statefulSetState = (spec: Fields, status: Fields): RolloutState => {
  const [wanted, ready, updated] = [number(spec, 'replicas'), number(status, 'readyReplicas'), number(status, 'updatedReplicas')];
  if (ready < wanted) return waiting(`Waiting for ${wanted - ready} pods to be ready...\n`);
  const rolling = (spec['updateStrategy'] as Fields | undefined)?.['rollingUpdate'] as Fields | undefined;
  const partition = rolling ? number(rolling, 'partition') : 0;
  if (partition > 0) {
    if (updated < wanted - partition)
      return waiting(`Waiting for partitioned roll out to finish: ${updated} out of ${wanted - partition} new pods have been updated...\n`);
    return { message: `partitioned roll out complete: ${updated} new pods have been updated...\n`, done: true };
  }
  if (status['updateRevision'] !== status['currentRevision'])
    return waiting(
      `waiting for statefulset rolling update to complete ${updated} pods at revision ${String(status['updateRevision'])}...\n`,
    );
  return {
    message: `statefulset rolling update complete ${number(status, 'currentReplicas')} pods at revision ${String(status['currentRevision'])}...\n`,
    done: true,
  };
};
