import { setTimeout as delay } from 'node:timers/promises';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { asked, faultOf } from './aws-clients.ts';

const IN_USE = new Set(['DependencyViolation', 'InvalidVpc.InUse', 'InvalidGroup.InUse', 'ResourceInUse', 'DeleteConflict']);
const PATIENCE_MS = 10 * 60_000;

/** How often AWS is asked; tests shorten it. */
export const pollMs = (): number => Number(process.env['SLIPWAY_AWS_POLL_MS'] ?? 2000);

/** Interfaces linger for minutes after what they belonged to is gone: what still holds on is asked again. Gone already is no error. */
export const retryWhileInUse = async (tried: string, call: () => Promise<unknown>): Promise<void> => {
  for (const deadline = Date.now() + PATIENCE_MS; ; await delay(pollMs())) {
    try {
      await call();
      return;
    } catch (error) {
      if (isGone(error)) return;
      if (!IN_USE.has(faultOf(error)) || Date.now() > deadline) await asked(tried, Promise.reject(error));
    }
  }
};

/** `InvalidGroup.NotFound`, `InvalidVpcID.NotFound`, `TargetGroupNotFound`, `NoSuchEntity`. */
const isGone = (error: unknown): boolean => /NotFound$|^NoSuchEntity$|\.Malformed$/.test(faultOf(error));

/** Asks until there is an answer. Throws TIMEOUT. */
export const pollUntil = async <T>(
  tried: string,
  ask: () => Promise<T | undefined>,
  options: { signal?: AbortSignal | undefined; timeoutMs?: number } = {},
): Promise<T> => {
  const { signal, timeoutMs = PATIENCE_MS } = options;
  for (const deadline = Date.now() + timeoutMs; ; await delay(pollMs(), undefined, signal ? { signal } : {})) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new SlipwayError('TIMEOUT', { tried, cause: `not within ${timeoutMs / 1000} s` });
  }
};
