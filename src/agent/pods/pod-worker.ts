import { rm } from 'node:fs/promises';
import { pod as podKind } from '../../api/core/pod.ts';
import type { Stored } from '../../api/meta/object.ts';
import { isConflict, isNotFound } from '../../api/meta/status.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { VolumeError } from '../volumes/volume-error.ts';
import { launchContainers, type WaitingReasons } from './container-launcher.ts';
import { isStatic } from './labels.ts';
import type { PodContext } from './pod-context.ts';
import { decidePod, type PodDecision } from './pod-decide.ts';
import { PodResizer } from './pod-resizer.ts';
import { ensureSandbox } from './pod-sandbox.ts';
import { podStatus } from './pod-status.ts';
import { killContainer, removeFromRuntime, stopContainer, terminateContainers } from './pod-terminator.ts';
import { PodVolumes } from './pod-volumes.ts';
import { PodProber } from './prober.ts';
import { qosClass } from './resources.ts';
import { latestContainer, liveContainers, type RuntimePod, readySandbox } from './runtime-state.ts';
import { podLogDirectory } from './sandbox-config.ts';
import type { StartTurn } from './start-turns.ts';
import { StatusWriter } from './status-writer.ts';

const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 30_000;
const TERMINAL: ReadonlySet<string> = new Set(['Succeeded', 'Failed']);
/** Steps of one sync: each reads the runtime anew. A pod that needs more goes on in the next sync. */
const MAX_STEPS = 50;

/**
 * One pod on this node. Level-driven: every `kick` makes it look at the pod's spec and the runtime and do what is missing;
 * nothing is remembered that cannot be found again, so that an agent may be killed at any time.
 *
 *             pod bound here, or found in the runtime
 *                            |
 *                            v
 *   ┌──────────────────── running ───────────────────┐   volumes, sandbox and first containers in one turn of the node's
 *   │                     │                          │   (start-turns.ts), init containers, containers, probes, status
 *   │ all have ended      │ deletionTimestamp,       │ deadline, eviction
 *   v                     v gone from the API        v
 * finished ─────────> terminating <───────────────────   preStop, endpoints drain, SIGTERM, SIGKILL
 *   (sandbox stopped,     |
 *    logs stay)           v
 *                     terminated                          final status, volumes and cgroups gone, deleted from the API
 */
export class PodWorker {
  readonly #context: PodContext;
  readonly #prober: PodProber;
  readonly #status: StatusWriter;
  readonly #onGone: () => void;
  readonly #resizer: PodResizer;
  readonly #volumes: PodVolumes;
  readonly #waiting: WaitingReasons = new Map();
  readonly #hurry = new AbortController();
  #pod: Stored<Pod>;
  #mode: 'running' | 'finished' | 'terminating' | 'terminated' = 'running';
  #failed: { reason: string; message: string } | undefined;
  #isGoneFromApi = false;
  #graceSeconds: number | undefined;
  #dirty = false;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #retryMs = 0;
  #isStopped = false;
  #state: RuntimePod | undefined;
  readonly #told = Promise.withResolvers<void>();
  /** From before the sandbox until nothing is to be started, or something else is waited for. */
  #turn: StartTurn | undefined;

  constructor(options: { context: PodContext; pod: Stored<Pod>; onGone: () => void }) {
    this.#context = options.context;
    this.#pod = options.pod;
    this.#onGone = options.onGone;
    const { cri, events, client, log } = options.context;
    this.#prober = new PodProber({ cri, events, changed: () => this.kick() });
    this.#resizer = new PodResizer(options.context);
    this.#volumes = new PodVolumes(options.context);
    this.#status = new StatusWriter({
      client,
      log,
      written: options.pod.status ?? {},
      target: () => (isStatic(this.#pod) ? options.context.mirrorOf(this.#pod) : this.#pod),
    });
    if (options.pod.status?.phase === 'Failed' && options.pod.status.reason)
      this.#failed = { reason: options.pod.status.reason, message: options.pod.status.message ?? '' };
  }

  get pod(): Stored<Pod> {
    return this.#pod;
  }

  /** The status as the agent knows it, written or not. */
  get status() {
    return this.#status.current;
  }

  get state(): RuntimePod | undefined {
    return this.#state;
  }

  /** Resolves once the API has the status that the first look found. */
  get told(): Promise<void> {
    return this.#told.promise;
  }

  /** Whether it holds resources of the node. */
  get isActive(): boolean {
    return this.#mode === 'running' || this.#mode === 'terminating';
  }

  update(pod: Stored<Pod>): void {
    this.#pod = pod;
    const grace = pod.metadata.deletionGracePeriodSeconds;
    if (pod.metadata.deletionTimestamp) this.#shorten(grace);
    this.kick();
  }

  /** The API (or the manifest folder) has the pod no more. */
  remove(graceSeconds?: number): void {
    this.#isGoneFromApi = true;
    this.#shorten(graceSeconds ?? this.#pod.metadata.deletionGracePeriodSeconds);
    this.kick();
  }

  /** Ends the pod and leaves it as Failed: eviction, admission. */
  fail(reason: string, message: string): void {
    this.#failed ??= { reason, message };
    this.kick();
  }

  /** Objects that its volumes show have changed. */
  refreshVolumes(): void {
    this.#volumes.expire();
    this.kick();
  }

  /** Something may have changed: look again. */
  kick(): void {
    this.#dirty = true;
    if (this.#isStopped || this.#running) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      if (this.#dirty && !this.#isStopped) this.kick();
    });
  }

  /** Lets go of the pod; its containers go on. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#prober.stop();
    this.#status.close();
    // A termination under way may take its whole grace period: the next agent takes it up again.
    if (this.#mode !== 'terminating') await this.#running;
  }

  #shorten(graceSeconds: number | undefined): void {
    const isTerminating = this.#mode === 'terminating';
    if (graceSeconds === undefined || (this.#graceSeconds !== undefined && graceSeconds >= this.#graceSeconds)) return;
    this.#graceSeconds = graceSeconds;
    if (!isTerminating || !this.#state) return;
    this.#hurry.abort();
    for (const { id } of liveContainers(this.#state)) void stopContainer(this.#context, id, graceSeconds).catch(() => {});
  }

  async #run(): Promise<void> {
    while (this.#dirty && !this.#isStopped) {
      this.#dirty = false;
      try {
        await this.#sync();
        void this.#status.flushed().then(this.#told.resolve);
        this.#endTurn();
        this.#retryMs = 0;
      } catch (error) {
        this.#endTurn();
        this.#retryMs = Math.min(RETRY_MAX_MS, Math.max(RETRY_MIN_MS, this.#retryMs * 2));
        this.#wakeIn(this.#retryMs);
        if (!(error instanceof VolumeError))
          this.#context.log.warn('pod sync failed and is tried again', {
            pod: this.#pod.metadata.name,
            namespace: this.#pod.metadata.namespace,
            error,
          });
      }
    }
  }

  #wakeIn(ms: number): void {
    const at = this.#context.now() + ms;
    if (this.#timer && at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.kick();
    }, ms).unref();
  }

  async #read(): Promise<RuntimePod> {
    const { uid = '', name = '', namespace = '' } = this.#pod.metadata;
    this.#state = await this.#context.reader.readPod({ uid, name, namespace });
    return this.#state;
  }

  async #sync(): Promise<void> {
    if (this.#mode === 'terminated') return;
    this.#checkDeadline();
    const isLeaving = this.#pod.metadata.deletionTimestamp !== undefined || this.#isGoneFromApi;
    // A pod that had ended before is not begun again, also when the runtime has forgotten it.
    const hasEnded = this.#failed !== undefined || TERMINAL.has(this.#pod.status?.phase ?? '');
    if (isLeaving || (hasEnded && this.#mode === 'running')) return this.#terminate();
    if (this.#mode === 'finished') return;
    for (let step = 0; step < MAX_STEPS; step++) {
      const state = await this.#read();
      this.#prober.sync(this.#pod, state, this.#podIPs(state)[0] ?? '');
      const decision = decidePod({
        pod: this.#pod,
        state,
        unhealthy: this.#prober.unhealthy,
        isStarted: (container) => this.#prober.isStarted(container),
      });
      this.#dropOldReasons(state, decision);
      if (decision.isFinished) return this.#finish(state, decision);
      this.#writeStatus(state);
      await this.#resizer.sync(this.#pod, state);
      if (!(await this.#act(state, decision)) || this.#isStopped) break;
      if (this.#pod.metadata.deletionTimestamp || this.#failed || this.#isGoneFromApi) {
        this.#dirty = true;
        return;
      }
    }
    if (!this.#state || liveContainers(this.#state).length === 0) return;
    const dueMs = await this.#volumes.follow(this.#pod);
    if (dueMs !== undefined) this.#wakeIn(dueMs);
  }

  /** Does the first thing that is due; answers whether anything was changed, so that the runtime is to be read again. */
  async #act(state: RuntimePod, decision: PodDecision): Promise<boolean> {
    for (const { container, message, reason } of decision.kill) {
      const probe = this.#prober.unhealthy.get(container.id);
      const spec = [...(this.#pod.spec?.containers ?? []), ...(this.#pod.spec?.initContainers ?? [])].find(
        ({ name }) => name === container.name,
      );
      const ofProbe = probe && (probe === 'liveness' ? spec?.livenessProbe : spec?.startupProbe)?.terminationGracePeriodSeconds;
      const graceSeconds = ofProbe ?? this.#pod.spec?.terminationGracePeriodSeconds ?? 30;
      const deadline = this.#context.now() + graceSeconds * 1000;
      const suffix = reason === 'Finished' ? '' : ', will be restarted';
      await killContainer(this.#context, this.#pod, container, {
        deadline,
        graceSeconds,
        hurry: this.#hurry.signal,
        podIP: this.#podIPs(state)[0] ?? '',
        message: `${message}${suffix}`,
      });
    }
    if (decision.kill.length > 0) return true;
    if (decision.sandbox) {
      await this.#makeSandbox(state, decision.sandbox.attempt);
      return true;
    }
    if (decision.start.length === 0) return false;
    return this.#startAll(state, decision);
  }

  async #makeSandbox(state: RuntimePod, attempt: number): Promise<void> {
    let isMounted = false;
    const mount = this.#volumes.mount(this.#pod).finally(() => {
      isMounted = true;
    });
    const sandbox = async (): Promise<void> => {
      this.#turn ??= await this.#context.starts.take();
      if (!this.#mayGoOn()) return;
      await ensureSandbox(this.#context, { pod: this.#pod, state, attempt, signal: this.#hurry.signal });
      if (!isMounted) this.#endTurn();
    };
    const both = await Promise.allSettled([mount, sandbox()]);
    // Only once both are over: a second sandbox must not be begun beside the first.
    for (const one of both) if (one.status === 'rejected') throw one.reason;
  }

  #endTurn(): void {
    this.#turn?.end();
    this.#turn = undefined;
  }

  #mayGoOn(): boolean {
    return !this.#pod.metadata.deletionTimestamp && !this.#isGoneFromApi && !this.#isStopped;
  }

  async #startAll(state: RuntimePod, decision: PodDecision): Promise<boolean> {
    const paths = await this.#volumes.paths(this.#pod);
    // A static pod may be what makes the API come up.
    if (!isStatic(this.#pod)) await this.#context.servicesKnown;
    const { hasStarted, lookAgain, retryMs } = await launchContainers(this.#context, {
      pod: this.#pod,
      state,
      decision,
      podIPs: this.#podIPs(state),
      paths,
      status: this.#status.current,
      waiting: this.#waiting,
      mayGoOn: () => this.#mayGoOn(),
      waits: () => this.#endTurn(),
    });
    this.#endTurn();
    if (retryMs !== undefined) this.#wakeIn(retryMs);
    if (lookAgain) this.#dirty = true;
    if (!hasStarted) this.#writeStatus(await this.#read());
    return hasStarted;
  }

  #checkDeadline(): void {
    const limit = this.#pod.spec?.activeDeadlineSeconds;
    const started = this.#status.current.startTime;
    if (limit === undefined || !started || this.#failed || this.#mode !== 'running') return;
    const leftMs = Date.parse(started) + limit * 1000 - this.#context.now();
    if (leftMs > 0) {
      this.#wakeIn(leftMs);
      return;
    }
    this.#failed = { reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' };
    this.#context.events.record(this.#pod, 'Normal', 'DeadlineExceeded', this.#failed.message);
  }

  /** Everything has ended by itself: what is left (sidecars, sandbox) goes, logs and statuses stay. */
  async #finish(state: RuntimePod, decision: PodDecision): Promise<void> {
    if (decision.kill.length > 0) {
      const graceSeconds = this.#pod.spec?.terminationGracePeriodSeconds ?? 30;
      await terminateContainers(this.#context, this.#pod, state, { graceSeconds, hurry: this.#hurry.signal });
    }
    for (const { id, ready } of state.sandboxes) if (ready) await this.#context.cri.stopPodSandbox({ podSandboxId: id });
    this.#prober.stop();
    this.#context.volumes.unfollow(this.#pod.metadata.uid ?? '');
    this.#mode = 'finished';
    this.#writeStatus(await this.#read(), true);
  }

  async #terminate(): Promise<void> {
    const wasFinished = this.#mode === 'finished';
    this.#mode = 'terminating';
    this.#prober.terminate();
    const isDeleted = this.#pod.metadata.deletionTimestamp !== undefined || this.#isGoneFromApi;
    const graceSeconds =
      this.#graceSeconds ?? this.#pod.metadata.deletionGracePeriodSeconds ?? this.#pod.spec?.terminationGracePeriodSeconds ?? 30;
    let state = await this.#read();
    if (!wasFinished) {
      this.#writeStatus(state);
      await terminateContainers(this.#context, this.#pod, state, { graceSeconds, hurry: this.#hurry.signal });
    }
    for (const { id, ready } of state.sandboxes) if (ready) await this.#context.cri.stopPodSandbox({ podSandboxId: id });
    this.#prober.stop();
    state = await this.#read();
    // Something was started in the meantime, or does not want to go: once more.
    if (liveContainers(state).length > 0) throw new Error('containers still run after they were stopped');
    this.#writeStatus(state, true);
    if (!isDeleted) {
      this.#mode = 'finished';
      return;
    }
    await this.#status.flushed();
    await this.#cleanUp(state);
    await this.#deleteFromApi();
    this.#mode = 'terminated';
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#onGone();
  }

  async #cleanUp(state: RuntimePod): Promise<void> {
    const { volumes, cgroups, restarts, podLogsDir } = this.#context;
    const { uid = '', name = '', namespace = '' } = this.#pod.metadata;
    await removeFromRuntime(this.#context, state);
    await volumes.unmount(uid);
    await cgroups.removePod(uid);
    restarts.forget(`${uid}/`);
    await rm(podLogDirectory(podLogsDir, { uid, name, namespace }), { recursive: true, force: true });
  }

  async #deleteFromApi(): Promise<void> {
    if (this.#isGoneFromApi || isStatic(this.#pod)) return;
    const { namespace, name = '', uid } = this.#pod.metadata;
    await this.#context.client
      .delete(podKind, { namespace, name }, { gracePeriodSeconds: 0, preconditions: uid ? { uid } : {} })
      .catch((error: unknown) => {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      });
  }

  #podIPs(state: RuntimePod): readonly string[] {
    const sandbox = readySandbox(state);
    return this.#pod.spec?.hostNetwork ? this.#context.node.hostIPs : (sandbox?.ips ?? []);
  }

  /** A reason to wait ends when the container runs, or will not be started again. */
  #dropOldReasons(state: RuntimePod, decision: PodDecision): void {
    for (const name of this.#waiting.keys())
      if (
        latestContainer(state, name)?.state === 'running' ||
        (!decision.sandbox && !decision.start.some(({ container }) => container.name === name))
      )
        this.#waiting.delete(name);
  }

  #writeStatus(state: RuntimePod, isTerminal = false): void {
    const { now, node, runtimeName } = this.#context;
    if (!isStatic(this.#pod)) this.#status.observe(this.#pod);
    const status = podStatus({
      pod: this.#pod,
      state,
      old: this.#status.current,
      waiting: this.#waiting,
      probes: this.#prober,
      qosClass: qosClass(this.#pod.spec ?? { containers: [] }),
      hostIPs: node.hostIPs,
      runtimeName,
      isTerminal,
      failed: this.#failed,
      now: `${new Date(now()).toISOString().slice(0, 19)}Z`,
    });
    this.#status.set(status);
    void this.#status.flushed().then(this.#told.resolve);
  }
}
