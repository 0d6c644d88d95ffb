import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { SlipwayError } from '../base/errors/slipway-error.ts';
import type { Host } from '../hosts/host.ts';

export interface AwaitSshOptions {
  /** Knocked at first: a machine that boots does not answer at all, and a login would wait long for it. */
  target: { host: string; port: number };
  open: () => Promise<Host>;
  /** For messages: `demo-1 (10.89.0.11)`. */
  name: string;
  timeoutMs: number;
  signal: AbortSignal;
  /** The last lines of the machine's console, for the error. */
  consoleLines: () => Promise<readonly string[]>;
  advice: readonly string[];
}

/**
 * A machine that was just started, once it lets us in: it boots, and cloud-init makes its user. A wrong host key is final.
 * Throws TIMEOUT with the end of its console, HOST_KEY_MISMATCH.
 */
export const awaitSsh = async (options: AwaitSshOptions): Promise<Host> => {
  const deadline = Date.now() + options.timeoutMs;
  for (;;) {
    options.signal.throwIfAborted();
    try {
      await knock(options.target, options.signal);
      return await options.open();
    } catch (error) {
      if (!(error instanceof SlipwayError) || !MAY_PASS.has(error.code)) throw error;
      if (Date.now() >= deadline)
        throw new SlipwayError('TIMEOUT', {
          tried: `reach ${options.name}`,
          cause: `it does not let us in after ${Math.round(options.timeoutMs / 1000)} s: ${error.reason ?? error.message}`,
          advice: options.advice,
          logLines: await options.consoleLines(),
        });
    }
    await delay(1000, undefined, { signal: options.signal });
  }
};

const MAY_PASS = new Set(['HOST_UNREACHABLE', 'SSH_AUTH_FAILED', 'TIMEOUT', 'COMMAND_FAILED']);

const KNOCK_TIMEOUT_MS = 2000;

/** Resolves when something listens there. Throws HOST_UNREACHABLE. */
const knock = ({ host, port }: { host: string; port: number }, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    const fail = (cause: Error | string): void => {
      socket.destroy();
      reject(new SlipwayError('HOST_UNREACHABLE', { tried: `connect to ${host}:${port}`, cause }));
    };
    socket.setTimeout(KNOCK_TIMEOUT_MS, () => fail('no answer'));
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
