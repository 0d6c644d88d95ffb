import type { Column } from '../kind.ts';
import type { LabelSelector } from '../types/meta-v1.ts';
import type { KubeObject, Stored } from './object.ts';
import { formatSelector, selectorFromObject } from './selector.ts';

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

/** The object as its generated type. */
export const as = <T>(object: KubeObject): Stored<T> => object as unknown as Stored<T>;

/** `column` whose cell reads a generated type. */
export const cellOf =
  <T>(read: (object: Stored<T>, now: number) => string | number | boolean | null): Column['cell'] =>
  (object, now) =>
    read(as<T>(object), now);

export const nameColumn: Column = column('Name', (object) => object.metadata.name ?? '', {
  format: 'name',
  description: 'Name of the object.',
});

/** The first `limit` of them, and how many more there are. `<none>` for none. */
export const listWithMore = (items: readonly string[], limit = 3): string => {
  if (items.length === 0) return '<unset>';
  const shown = items.slice(0, limit).join(',');
  return items.length > limit ? `${shown} + ${items.length - limit} more...` : shown;
};

/** `app=web,tier=front`, or `<none>`. */
export const labelsCell = (labels: Readonly<Record<string, string>> | undefined): string =>
  Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',') || '<none>';

/** A label selector as kubectl prints it: `<none>` for everything, `<none>` for none. */
export const selectorCell = (selector: LabelSelector | undefined): string => {
  if (!selector) return '<none>';
  return formatSelector(selectorFromObject(selector)) || '<none>';
};

interface TemplateOwner {
  spec?: { template?: { spec?: { containers?: readonly { name: string; image?: string }[] } } };
}

const containersOf = (object: KubeObject): readonly { name: string; image?: string }[] =>
  (object as TemplateOwner).spec?.template?.spec?.containers ?? [];

/** Names and images of a pod template's containers. */
export const templateColumns: readonly Column[] = [
  wideColumn('Containers', (object) =>
    containersOf(object)
      .map(({ name }) => name)
      .join(','),
  ),
  wideColumn('Images', (object) =>
    containersOf(object)
      .map(({ image }) => image ?? '')
      .join(','),
  ),
];

export const selectorColumn: Column = wideColumn('Selector', (object) =>
  selectorCell((object['spec'] as { selector?: LabelSelector } | undefined)?.selector),
);

export const ageColumn: Column = column('Age', (object: KubeObject, now: number) => age(object.metadata.creationTimestamp, now));
