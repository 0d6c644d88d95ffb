import { badRequest, statusError } from '../../api/meta/status.ts';

/** As upstream: a request that is no watch and no stream is answered within this. */
const MOST_MS = 60_000;

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** How long a request may take, from its `timeout` (`30s`, `1m30s`). Throws 400 for what is no duration. */
export const deadlineOf = (timeout: string | null): number => {
  if (timeout === null || timeout === '') return MOST_MS;
  const parts = [...timeout.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([text]) => text).join('') !== timeout)
    throw badRequest(`invalid timeout specified in the request URL: time: invalid duration ${JSON.stringify(timeout)}`);
  const ms = parts.reduce((sum, [, number, unit = 's']) => sum + Number(number) * (UNITS[unit] ?? 0), 0);
  return ms === 0 ? MOST_MS : Math.min(ms, MOST_MS);
};

/** What comes of the work, or 504. The work itself is not stopped: a write may still be stored, as the answer says. */
export const within = <T>(work: Promise<T>, ms: number): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const message = 'Timeout: request did not complete within the allotted timeout';
      reject(statusError(504, 'Timeout', message, {}));
    }, ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
