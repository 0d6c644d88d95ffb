import { UNIT_FACTORS } from '../../api/meta/quantity.ts';
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

const quantity = (value: unknown): number | undefined => {
  const match = /^(-?\d+(?:\.\d+)?)([numkMGTPE]|[KMGTPE]i)?$/.exec(String(value));
  return match ? Number(match[1]) * (UNIT_FACTORS[match[2] ?? ''] ?? 1) : undefined;
};
