import { UsageError } from '../errors.ts';

const UNITS_MS: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Go's durations: `30s`, `1m30s`, `1.5h`, `0`; a bare number counts seconds. In milliseconds. Throws UsageError. */
export const durationMs = (text: string): number => {
  if (/^-?\d+$/.test(text)) return Number(text) * 1000;
  const match = /^([+-]?)((?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+)$/.exec(text);
  if (!match) throw new UsageError(`invalid duration "${text}": write 30s, 5m or 1h30m`);
  let total = 0;
  for (const [, amount, unit] of (match[2] as string).matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g))
    total += Number(amount) * (UNITS_MS[unit as string] ?? 0);
  return match[1] === '-' ? -total : total;
};
