import type { Logger } from '../log/logger.ts';

/**
 * A long-running part of a process. The runtime starts components in the order of its list and stops them in reverse.
 *
 *   new --init()--> ready --start()--> running --stop()--> stopped
 *
 * `init` makes files and checks settings; `start` returns once the component serves. `stop` may be called in every state,
 * waits for what is under way (bounded by the caller's signal) and never throws.
 */
export interface Component {
  readonly name: string;
  init?(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Names the component that holds a process up. */
const SLOW_STOP_MS = 2000;

/** Starts all, in order; when one fails, those already started are stopped again and the error is thrown. */
export const startComponents = async (components: readonly Component[], log: Logger): Promise<void> => {
  const started: Component[] = [];
  try {
    for (const component of components) {
      await component.init?.();
      started.push(component);
      await component.start();
      log.debug('component started', { component: component.name });
    }
  } catch (error) {
    await stopComponents(started, log);
    throw error;
  }
};

export const stopComponents = async (components: readonly Component[], log: Logger): Promise<void> => {
  for (const component of [...components].reverse()) {
    const slow = setTimeout(() => log.warn('component is slow to stop', { component: component.name }), SLOW_STOP_MS);
    // A component that fails to stop must not keep the others from stopping.
    await component.stop().catch((error: unknown) => log.error('component failed to stop', { component: component.name, error }));
    clearTimeout(slow);
  }
};
