import type { Stored } from '../../api/meta/object.ts';
import type { Container, Pod, Probe } from '../../api/types/core-v1.ts';
import type { CriClient } from '../cri/cri-client.ts';
import type { EventRecorder } from './event-recorder.ts';
import { fieldOf } from './image-puller.ts';
import { type ProbeResult, runProbe } from './probe-run.ts';
import { isSidecar } from './restart-policy.ts';
import { latestContainer, type RuntimeContainer, type RuntimePod } from './runtime-state.ts';

/**
 * The probes of one pod. Each running container has up to three, one timer each:
 *
 *   startup --success--> liveness and readiness run       startup or liveness fails for good --> `unhealthy`: to be restarted
 *
 * `changed` is called when the pod's status or what is to be done with it may be another.
 */
export class PodProber {
  readonly #cri: CriClient;
  readonly #events: EventRecorder;
  readonly #changed: () => void;
  readonly #containers = new Map<string, ContainerProbes>();
  readonly unhealthy = new Map<string, 'liveness' | 'startup'>();
  #podIP = '';
  #pod: Stored<Pod> | undefined;
  #isTerminating = false;

  constructor(options: { cri: CriClient; events: EventRecorder; changed: () => void }) {
    this.#cri = options.cri;
    this.#events = options.events;
    this.#changed = options.changed;
  }

  /** Starts probes of containers that run now and drops those of others. */
  sync(pod: Stored<Pod>, state: RuntimePod, podIP: string): void {
    this.#pod = pod;
    this.#podIP = podIP;
    const running = new Set<string>();
    for (const container of [...(pod.spec?.initContainers ?? []).filter(isSidecar), ...(pod.spec?.containers ?? [])]) {
      const latest = latestContainer(state, container.name);
      if (latest?.state !== 'running') continue;
      running.add(latest.id);
      if (!this.#containers.has(latest.id)) this.#add(pod, container, latest);
    }
    for (const [id, probes] of this.#containers)
      if (!running.has(id)) {
        probes.stop();
        this.#containers.delete(id);
        this.unhealthy.delete(id);
      }
  }

  isStarted(container: string): boolean {
    return this.#of(container)?.started ?? true;
  }

  isReady(container: string): boolean {
    const probes = this.#of(container);
    return probes ? probes.started && probes.ready : true;
  }

  /** A terminating pod keeps its readiness probes, so that those who drain it see the truth; nothing is restarted any more. */
  terminate(): void {
    this.#isTerminating = true;
    for (const probes of this.#containers.values()) probes.stopLiveness();
  }

  stop(): void {
    for (const probes of this.#containers.values()) probes.stop();
    this.#containers.clear();
    this.unhealthy.clear();
  }

  #of(container: string): ContainerProbes | undefined {
    for (const probes of this.#containers.values()) if (probes.container.name === container) return probes;
    return undefined;
  }

  #add(pod: Stored<Pod>, container: Container, latest: RuntimeContainer): void {
    const before = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find(
      ({ name }) => name === container.name,
    );
    const wasSeen = before?.containerID?.endsWith(latest.id) ?? false;
    const probes = new ContainerProbes({
      container,
      startedAt: latest.startedAt,
      // Known from before the agent was restarted: it stays as it was until a probe says otherwise.
      isStarted: wasSeen && before?.started === true,
      isReady: wasSeen && before?.ready === true,
      run: (probe) => runProbe(probe, { container, containerId: latest.id, podIP: this.#podIP }, this.#cri),
      changed: this.#changed,
      failed: (kind, message) => {
        if (!this.#pod) return;
        const text = `${kind[0]?.toUpperCase()}${kind.slice(1)} probe failed: ${message}`;
        this.#events.record(this.#pod, 'Warning', 'Unhealthy', text, `spec.${fieldOf(this.#pod, container)}{${container.name}}`);
      },
      unhealthy: (kind) => {
        this.unhealthy.set(latest.id, kind);
        this.#changed();
      },
    });
    this.#containers.set(latest.id, probes);
    probes.start();
    if (this.#isTerminating) probes.stopLiveness();
  }
}

type ProbeKind = 'startup' | 'liveness' | 'readiness';

interface ContainerProbesOptions {
  container: Container;
  startedAt: number;
  isStarted: boolean;
  isReady: boolean;
  run(probe: Probe): Promise<ProbeResult>;
  changed(): void;
  failed(kind: ProbeKind, message: string): void;
  unhealthy(kind: 'liveness' | 'startup'): void;
}

class ContainerProbes {
  readonly container: Container;
  readonly #options: ContainerProbesOptions;
  readonly #timers = new Map<ProbeKind, NodeJS.Timeout>();
  readonly #runs = new Map<ProbeKind, { result: boolean; count: number }>();
  #stopped = false;
  #noLiveness = false;
  started: boolean;
  ready: boolean;

  constructor(options: ContainerProbesOptions) {
    this.#options = options;
    this.container = options.container;
    this.started = !options.container.startupProbe || options.isStarted;
    this.ready = !options.container.readinessProbe || options.isReady;
  }

  start(): void {
    if (!this.started) this.#schedule('startup', this.container.startupProbe);
    else this.#scheduleOthers();
  }

  stopLiveness(): void {
    this.#noLiveness = true;
    for (const kind of ['startup', 'liveness'] as const) clearTimeout(this.#timers.get(kind));
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  #scheduleOthers(): void {
    this.#schedule('liveness', this.container.livenessProbe);
    this.#schedule('readiness', this.container.readinessProbe);
  }

  #schedule(kind: ProbeKind, probe: Probe | undefined): void {
    if (!probe) return;
    const delayMs = this.#options.startedAt + (probe.initialDelaySeconds ?? 0) * 1000 - Date.now();
    this.#timers.set(
      kind,
      setTimeout(() => void this.#tick(kind, probe), Math.max(0, delayMs)),
    );
  }

  async #tick(kind: ProbeKind, probe: Probe): Promise<void> {
    const nextAt = Date.now() + (probe.periodSeconds ?? 10) * 1000;
    const result = await this.#options.run(probe);
    if (this.#stopped || (this.#noLiveness && kind !== 'readiness')) return;
    if (result.ok !== 'unknown' && this.#record(kind, probe, result)) return;
    this.#timers.set(
      kind,
      setTimeout(() => void this.#tick(kind, probe), Math.max(0, nextAt - Date.now())),
    );
  }

  /** Answers whether this probe is over. */
  #record(kind: ProbeKind, probe: Probe, result: Exclude<ProbeResult, { ok: 'unknown' }>): boolean {
    const before = this.#runs.get(kind);
    const count = before?.result === result.ok ? before.count + 1 : 1;
    this.#runs.set(kind, { result: result.ok, count });
    if (!result.ok) this.#options.failed(kind, result.message);
    if (count < (result.ok ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3))) return false;
    if (kind === 'readiness') {
      if (this.ready !== result.ok) {
        this.ready = result.ok;
        this.#options.changed();
      }
      return false;
    }
    if (!result.ok) {
      this.#options.unhealthy(kind);
      return true;
    }
    if (kind !== 'startup') return false;
    this.started = true;
    this.#scheduleOthers();
    this.#options.changed();
    return true;
  }
}
