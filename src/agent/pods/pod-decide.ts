import type { Stored } from '../../api/meta/object.ts';
import type { Container, EphemeralContainer, Pod } from '../../api/types/core-v1.ts';
import { containerHash } from './labels.ts';
import { isSidecar, shouldRestart } from './restart-policy.ts';
import { latestContainer, type RuntimeContainer, type RuntimePod, readySandbox } from './runtime-state.ts';

/** What is to be done to bring the runtime to what the pod's spec asks for. */
export interface PodDecision {
  /** A new sandbox is needed first; `attempt` numbers it. Containers of an older one are to be killed before. */
  sandbox: { attempt: number } | undefined;
  kill: { container: RuntimeContainer; message: string; reason: 'Unhealthy' | 'Changed' | 'Finished' }[];
  start: StartDecision[];
  /** Nothing will run again: the pod has succeeded or failed. */
  isFinished: boolean;
}

export interface StartDecision {
  container: Container;
  role: 'init' | 'main' | 'ephemeral';
  /** The run before, when there was one: back-off counts from its end. */
  previous: RuntimeContainer | undefined;
}

export interface DecideFacts {
  pod: Stored<Pod>;
  state: RuntimePod;
  /** Containers (by ID) whose liveness or startup probe has failed. */
  unhealthy: ReadonlyMap<string, 'liveness' | 'startup'>;
  isStarted(container: string): boolean;
}

/** Pure: the same facts give the same decision. One call starts at most one plain init container. */
export const decidePod = (facts: DecideFacts): PodDecision => {
  const { pod, state } = facts;
  const spec = pod.spec;
  const nothing: PodDecision = { sandbox: undefined, kill: [], start: [], isFinished: false };
  if (!spec) return nothing;
  const sandbox = readySandbox(state);
  const mains = spec.containers.map((container) => ({ container, latest: latestContainer(state, container.name) }));
  const canStart = ({ container, latest }: (typeof mains)[number]): boolean =>
    latest?.state !== 'exited' || shouldRestart(spec, container, latest.exitCode);

  if (!sandbox) {
    const hasRun = state.containers.some(({ name }) => spec.containers.some((container) => container.name === name));
    if (hasRun && !mains.some((main) => main.latest?.state !== 'exited' || canStart(main))) return { ...nothing, isFinished: true };
    // A container whose sandbox died under it: the power went off, or somebody stopped it.
    if (hasRun && spec.restartPolicy === 'Never') return { ...nothing, isFinished: true };
    const initFailed = hasFailedInit(facts);
    if (initFailed) return { ...nothing, isFinished: true };
    return { ...nothing, sandbox: { attempt: (state.sandboxes[0]?.attempt ?? -1) + 1 } };
  }

  const decision: PodDecision = { ...nothing, kill: [], start: [] };
  const inSandbox = (container: RuntimeContainer | undefined): boolean => container?.sandboxId === sandbox.id;
  const hasMainStarted = mains.some(({ latest }) => inSandbox(latest) && latest?.state !== 'created');
  const areMainsDone = mains.every((main) => main.latest !== undefined && main.latest.state === 'exited' && !canStart(main));
  if (areMainsDone) return { ...decision, isFinished: true, kill: sidecarsToKill(facts) };

  const init = decideInit(facts, sandbox.id, hasMainStarted);
  if (init === 'failed') return { ...decision, isFinished: true, kill: sidecarsToKill(facts) };
  decision.start.push(...init.start);
  decision.kill.push(...init.kill);
  for (const { container, previous } of decideEphemeral(facts)) decision.start.push({ container, role: 'ephemeral', previous });
  if (!init.isDone) return decision;

  for (const { container, latest } of mains) {
    if (latest?.state === 'running' && inSandbox(latest)) {
      const kill = reasonToKill(facts, container, latest);
      if (!kill) continue;
      decision.kill.push(kill);
      if (kill.reason === 'Changed' || shouldRestart(spec, container, 137))
        decision.start.push({ container, role: 'main', previous: latest });
      continue;
    }
    if (latest?.state === 'exited' && !shouldRestart(spec, container, latest.exitCode)) continue;
    decision.start.push({ container, role: 'main', previous: latest });
  }
  return decision;
};

interface InitDecision {
  start: StartDecision[];
  kill: PodDecision['kill'];
  isDone: boolean;
}

const decideInit = (facts: DecideFacts, sandboxId: string, hasMainStarted: boolean): InitDecision | 'failed' => {
  const spec = facts.pod.spec;
  const result: InitDecision = { start: [], kill: [], isDone: true };
  for (const container of spec?.initContainers ?? []) {
    // Only what ran in this sandbox counts: a new sandbox initialises again.
    const found = latestContainer(facts.state, container.name);
    const latest = found?.sandboxId === sandboxId ? found : undefined;
    if (isSidecar(container)) {
      const kill = latest?.state === 'running' ? reasonToKill(facts, container, latest) : undefined;
      if (kill) result.kill.push(kill);
      if (latest?.state !== 'running' || kill) result.start.push({ container, role: 'init', previous: latest });
      if (hasMainStarted || (latest?.state === 'running' && facts.isStarted(container.name))) continue;
      return { ...result, isDone: false };
    }
    if (hasMainStarted) continue;
    if (latest?.state === 'exited' && latest.exitCode === 0) continue;
    if (latest?.state === 'running') return { ...result, isDone: false };
    if (latest?.state === 'exited' && spec && !shouldRestart(spec, container, latest.exitCode)) return 'failed';
    result.start.push({ container, role: 'init', previous: latest });
    return { ...result, isDone: false };
  }
  return result;
};

/** An init container that failed for good, in a pod whose sandbox is gone. */
const hasFailedInit = ({ pod, state }: DecideFacts): boolean =>
  (pod.spec?.initContainers ?? []).some((container) => {
    const latest = latestContainer(state, container.name);
    if (isSidecar(container) || latest?.state !== 'exited' || latest.exitCode === 0 || !pod.spec) return false;
    return !shouldRestart(pod.spec, container, latest.exitCode);
  });

/** Ephemeral containers are started once and never again. */
const decideEphemeral = ({ pod, state }: DecideFacts): { container: EphemeralContainer; previous: RuntimeContainer | undefined }[] =>
  (pod.spec?.ephemeralContainers ?? [])
    .filter((container) => !latestContainer(state, container.name))
    .map((container) => ({ container, previous: undefined }));

const sidecarsToKill = ({ state }: DecideFacts): PodDecision['kill'] =>
  state.containers
    .filter((container) => container.state === 'running')
    .map((container) => ({ container, reason: 'Finished' as const, message: `Stopping container ${container.name}` }));

const reasonToKill = (facts: DecideFacts, container: Container, running: RuntimeContainer): PodDecision['kill'][number] | undefined => {
  if (running.hash !== '' && running.hash !== containerHash(container))
    return { container: running, reason: 'Changed', message: `Container ${container.name} definition changed` };
  const probe = facts.unhealthy.get(running.id);
  return probe && { container: running, reason: 'Unhealthy', message: `Container ${container.name} failed ${probe} probe` };
};
