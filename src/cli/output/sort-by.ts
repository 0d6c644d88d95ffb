import { CommandError } from '../errors.ts';
import { findByPath } from './jsonpath.ts';

/** Orders by the value that a JSONPath finds: numbers by value, quantities by size, times and text by their text. Stable. */
export const sortByPath = <T>(items: readonly T[], path: string, objectOf: (item: T) => unknown = (item) => item): T[] => {
  const keyed = items.map((item) => ({ item, key: findByPath(path, objectOf(item))[0] }));
  if (keyed.length && keyed.every(({ key }) => key === undefined))
    throw new CommandError(`couldn't find any field with path "{${path.replace(/^\{|\}$/g, '')}}" in the list of objects`);
  return keyed.sort((one, other) => compare(one.key, other.key)).map(({ item }) => item);
};

const compare = (one: unknown, other: unknown): number => {
  if (one === undefined || other === undefined) return one === other ? 0 : one === undefined ? -1 : 1;
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  const [left, right] = [quantity(one), quantity(other)];
  if (left !== undefined && right !== undefined) return left - right;
  return String(one) < String(other) ? -1 : String(one) > String(other) ? 1 : 0;
};

const UNITS: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

const quantity = (value: unknown): number | undefined => {
  const match = /^(-?\d+(?:\.\d+)?)([numkMGTPE]|[KMGTPE]i)?$/.exec(String(value));
  return match ? Number(match[1]) * (UNITS[match[2] ?? ''] ?? 1) : undefined;
};
