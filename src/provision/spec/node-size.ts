import { quantityValue } from '../../api/meta/quantity.ts';

/** What a node may be given. The largest machines that can be rented lie below; a node with less than the least does not get ready. */
export interface Bounds {
  minimum: number;
  maximum: number;
}

export const CPUS: Bounds = { minimum: 1, maximum: 1024 };

export interface SizeBounds extends Bounds {
  /** In bytes. */
  unit: number;
  unitName: 'Mi' | 'Gi';
}

export const MEMORY: SizeBounds = { minimum: 512, maximum: 64 * 2 ** 20, unit: 2 ** 20, unitName: 'Mi' };
export const DISK: SizeBounds = { minimum: 1, maximum: 64 * 2 ** 10, unit: 2 ** 30, unitName: 'Gi' };

/** Whole units of a size such as `1.5Gi`, rounded down. */
export const inUnits = (size: string, { unit }: SizeBounds): number => Math.floor(quantityValue(size) / unit);

/** As `must be ...`; undefined for what is within. */
export const countFault = (count: number, { minimum, maximum }: Bounds): string | undefined =>
  Number.isInteger(count) && count >= minimum && count <= maximum ? undefined : `must be ${minimum} to ${maximum}`;

export const sizeFault = (size: string, bounds: SizeBounds): string | undefined => {
  const units = quantityValue(size) / bounds.unit;
  const { minimum, maximum, unit, unitName } = bounds;
  return units < minimum || units > maximum ? `must be from ${minimum}${unitName} to ${(maximum * unit) / 2 ** 40}Ti` : undefined;
};
