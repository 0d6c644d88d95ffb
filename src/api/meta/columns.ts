import type { Column } from '../kind.ts';
import type { KubeObject } from './object.ts';

/** Two units at most, as `kubectl get` prints ages: `45s`, `2m30s`, `5h12m`, `3d4h`, `2y35d`. */
export const humanDuration = (durationMs: number): string => {
  const seconds = Math.trunc(durationMs / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 60 * 2) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 60 * 3) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 24 * 8) return hours % 24 === 0 ? `${days}d` : `${days}d${hours % 24}h`;
  if (hours < 24 * 365 * 2) return `${days}d`;
  const years = Math.trunc(hours / 24 / 365);
  if (hours < 24 * 365 * 8) return days % 365 === 0 ? `${years}y` : `${years}y${days % 365}d`;
  return `${years}y`;
};

/** The time since `timestamp` (RFC 3339), or `<unknown>` where there is none. */
export const age = (timestamp: unknown, now: number): string =>
  typeof timestamp === 'string' && timestamp !== '' ? humanDuration(now - Date.parse(timestamp)) : '<unknown>';

export const column = (name: string, cell: Column['cell'], more: Partial<Column> = {}): Column => ({
  name,
  type: 'string',
  description: '',
  priority: 0,
  ...more,
  cell,
});

export const wideColumn = (name: string, cell: Column['cell'], more: Partial<Column> = {}): Column =>
  column(name, cell, { ...more, priority: 1 });

export const ageColumn: Column = column('Age', (object: KubeObject, now: number) => age(object.metadata.creationTimestamp, now));
