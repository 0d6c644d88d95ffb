import type { Component } from '../base/async/component.ts';
import type { Logger } from '../base/log/logger.ts';
import type { Client } from '../client/client.ts';
import type { InformerFactory } from '../client/informer/informer-factory.ts';
import { electLeader } from '../client/lease/leader-election.ts';
import type { SchedulerPlugin } from './plugin.ts';
import { RunningScheduler } from './running-scheduler.ts';

export interface SchedulerOptions {
  /** As system:kube-scheduler. */
  client: Client;
  /** Shared with others of the process; without it the scheduler has its own. Who gives it starts and stops it. */
  informers?: InformerFactory;
  log: Logger;
  /** Milliseconds since the epoch. */
  now?: () => number;
  random?: () => number;
  /** Which pods are its own (`spec.schedulerName`). */
  schedulerName?: string;
  /** Where several control planes run: this process's name among them. Without it scheduling begins at once. */
  leaderIdentity?: string;
  plugins?: readonly SchedulerPlugin[];
}

export interface Scheduler extends Component {
  counters(): SchedulerCounters;
}

export interface SchedulerCounters {
  scheduled: number;
  unschedulable: number;
  errors: number;
  preempted: number;
  waiting: { active: number; backOff: number; unschedulable: number };
}

/**
 * Gives every pod a node: takes the most important pod that waits, filters and scores nodes by the plugins, binds it through the
 * API, and tells why when no node will do.
 */
export const createScheduler = (options: SchedulerOptions): Scheduler => {
  const stopping = new AbortController();
  let running: RunningScheduler | undefined;
  let election: Promise<void> | undefined;
  let last: SchedulerCounters = {
    scheduled: 0,
    unschedulable: 0,
    errors: 0,
    preempted: 0,
    waiting: { active: 0, backOff: 0, unschedulable: 0 },
  };
  const log = options.log.child({ component: 'scheduler' });

  const lead = async (signal: AbortSignal): Promise<void> => {
    const current = new RunningScheduler({ ...options, log });
    running = current;
    current.start();
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await current.stop();
    last = current.counters();
    running = undefined;
  };

  return {
    name: 'scheduler',
    async start() {
      const { leaderIdentity, client } = options;
      election = (
        leaderIdentity === undefined
          ? lead(stopping.signal)
          : electLeader({
              client,
              namespace: 'kube-system',
              name: 'kube-scheduler',
              identity: leaderIdentity,
              log,
              signal: stopping.signal,
              lead,
            })
      ).catch((error: unknown) => log.error('the scheduler ended', { error }));
    },
    async stop() {
      stopping.abort();
      await election;
    },
    counters: () => running?.counters() ?? last,
  };
};
