import type { KubeObject } from '../../api/meta/object.ts';
import { CommandError } from '../errors.ts';
import { fetchObjects } from './fetch.ts';
import { changes } from './get-watch.ts';
import { builtinResource } from './resource-catalog.ts';
import type { Session } from './session.ts';
import { parseTargets } from './targets.ts';
import { selectorOf } from './workloads.ts';

const PODS = builtinResource('pods');

export type Pod = KubeObject & {
  spec: { containers: { name: string; tty?: boolean; stdin?: boolean }[]; initContainers?: { name: string }[]; nodeName?: string };
  status?: {
    phase?: string;
    conditions?: { type: string; status: string; reason?: string }[];
    containerStatuses?: { name: string; state?: { terminated?: { exitCode: number } } }[];
  };
};

/** `POD`, `pod/POD`, `deployment/web`, `service/web`: the object meant, and the pods behind it, the readiest first. */
export const podsOf = async (session: Session, word: string): Promise<{ owner: KubeObject; pods: Pod[] }> => {
  const [ref] = await parseTargets(word.includes('/') ? [word] : ['pods', word], session.resources);
  if (!ref?.name) throw new CommandError('expected POD or TYPE/NAME');
  const [owner] = await fetchObjects(session, ref);
  if (!owner) throw new CommandError(`${word} not found`);
  if (owner.kind === 'Pod') return { owner, pods: [owner as Pod] };
  const pods = (await fetchObjects(session, { resource: PODS }, { labelSelector: selectorOf(owner, ref.resource) })) as Pod[];
  return { owner, pods: pods.sort(byReadiness) };
};

/** One pod to talk to: waits a while for a running one, as kubectl does. */
export const runningPodOf = async (session: Session, word: string, options: { timeoutMs: number; signal: AbortSignal }): Promise<Pod> => {
  const { owner, pods } = await podsOf(session, word);
  const [first] = pods;
  if (first && (isRunning(first) || owner.kind === 'Pod')) return first;
  const limit = AbortSignal.timeout(options.timeoutMs);
  const signal = AbortSignal.any([limit, options.signal]);
  const ref = { resource: PODS, name: undefined };
  const labelSelector = selectorOf(owner, await session.resources.byKind(owner.apiVersion ?? '', owner.kind ?? ''));
  for await (const event of changes(session, ref, { labelSelector, signal }, { resourceVersion: '' }))
    if (event.type !== 'DELETED' && isRunning(event.object as Pod)) return event.object as Pod;
  throw new CommandError(`no running pod of ${word} within ${options.timeoutMs / 1000} s`);
};

const isRunning = (pod: Pod): boolean => pod.status?.phase === 'Running' && !pod.metadata.deletionTimestamp;

const readiness = (pod: Pod): number =>
  (pod.spec.nodeName ? 1 : 0) +
  (isRunning(pod) ? 2 : 0) +
  (pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ? 4 : 0);

const byReadiness = (one: Pod, other: Pod): number => readiness(other) - readiness(one);

export const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';

/** The container that is meant where none is named, with the sentence that kubectl tells when it chose among several. */
export const defaultContainer = (pod: Pod, wanted: string | undefined): { name: string; note: string } => {
  const names = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(({ name }) => name);
  const ephemeral = ((pod.spec as Record<string, unknown>)['ephemeralContainers'] ?? []) as { name: string }[];
  names.push(...ephemeral.map(({ name }) => name));
  if (wanted !== undefined) {
    if (!names.includes(wanted)) throw new CommandError(`container ${wanted} not found in pod ${pod.metadata.name}`);
    return { name: wanted, note: '' };
  }
  const annotated = pod.metadata.annotations?.[DEFAULT_CONTAINER];
  if (annotated && names.includes(annotated)) return { name: annotated, note: '' };
  const first = pod.spec.containers[0]?.name ?? '';
  const others = [...pod.spec.containers.map(({ name }) => name), ...(pod.spec.initContainers ?? []).map(({ name }) => `${name} (init)`)];
  return { name: first, note: names.length > 1 ? `Defaulted container "${first}" out of: ${others.join(', ')}\n` : '' };
};
