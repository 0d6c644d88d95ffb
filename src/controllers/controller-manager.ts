import type { Transport, UserInfo } from '../api/transport.ts';
import type { Component } from '../base/async/component.ts';
import type { Logger } from '../base/log/logger.ts';
import { createClient } from '../client/create-client.ts';
import { createInformerFactory } from '../client/informer/informer-factory.ts';
import { electLeader } from '../client/lease/leader-election.ts';
import { type Controller, ControllerLoop, type ControllersConfig, type LoopCounters, userOf } from './controller.ts';
import { createEventRecorder } from './event-recorder.ts';
import { CONTROLLERS } from './index.ts';

export interface ControllerManagerOptions {
  /** A road to the API for each identity: in-process, or HTTPS with impersonation or a certificate of its own. */
  transportFor: (user: UserInfo) => Transport;
  config: ControllersConfig;
  log: Logger;
  /** Milliseconds since the epoch. */
  now?: () => number;
  random?: () => number;
  /** Where several control planes run: this process's name among them. Without it the controllers run at once. */
  leaderIdentity?: string;
  /** Default all. */
  controllers?: readonly Controller[];
}

export interface ControllerManager extends Component {
  /** By controller's name, for /metrics. */
  counters(): Readonly<Record<string, LoopCounters>>;
}

/**
 * All control loops of one process, over shared informers. Reads go out as system:kube-controller-manager, writes as each
 * controller's own service account, so that what a controller may do is what its role says.
 */
export const createControllerManager = (options: ControllerManagerOptions): ControllerManager => {
  const { log } = options;
  const stopping = new AbortController();
  let running: RunningControllers | undefined;
  let election: Promise<void> | undefined;

  const lead = async (signal: AbortSignal): Promise<void> => {
    running = new RunningControllers(options);
    await running.start(signal);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await running.stop();
    running = undefined;
  };

  return {
    name: 'controllers',
    async start() {
      const { leaderIdentity, transportFor } = options;
      if (leaderIdentity === undefined) {
        election = lead(stopping.signal).catch((error: unknown) => log.error('the controllers ended', { error }));
        return;
      }
      election = electLeader({
        client: createClient(transportFor(MANAGER)),
        namespace: 'kube-system',
        name: 'kube-controller-manager',
        identity: leaderIdentity,
        log,
        signal: stopping.signal,
        lead,
      });
    },
    async stop() {
      stopping.abort();
      await election;
    },
    counters: () => running?.counters() ?? {},
  };
};

class RunningControllers {
  readonly #informers;
  readonly #loops: ControllerLoop[];

  constructor(options: ControllerManagerOptions) {
    const { transportFor, config, log, now = Date.now, random = Math.random, controllers = CONTROLLERS } = options;
    const informers = createInformerFactory({ client: createClient(transportFor(MANAGER)), log, random });
    this.#informers = informers;
    this.#loops = controllers.map((controller) => {
      const client = createClient(transportFor(userOf(controller)));
      const ownLog = log.child({ controller: controller.name });
      const events = createEventRecorder({ client, component: controller.serviceAccount, log: ownLog, now });
      return new ControllerLoop(controller, { client, informers, events, log: ownLog, now, random, config });
    });
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#informers.start();
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([this.#informers.synced(), aborted]);
    if (signal.aborted) return;
    for (const loop of this.#loops) await loop.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.stop()));
    await this.#informers.stop();
  }

  counters(): Record<string, LoopCounters> {
    return Object.fromEntries(this.#loops.map((loop) => [loop.name, loop.counters]));
  }
}

const MANAGER: UserInfo = { name: 'system:kube-controller-manager', groups: ['system:authenticated'] };
