import { UNIT_FACTORS } from '../../api/meta/quantity.ts';

/** A quantity as a number, as exact as a double: enough for what cgroups take. 0 for what is absent or unreadable. */
export const amount = (quantity: string | number | undefined): number => {
  if (quantity === undefined) return 0;
  const match = /^([+-]?[0-9.]+(?:[eE][+-]?\d+)?)([a-zA-Z]*)$/.exec(String(quantity));
  const factor = UNIT_FACTORS[match?.[2] ?? ''];
  return match && factor !== undefined ? Number(match[1]) * factor : 0;
};

/** Thousandths of a core, rounded up as upstream does. */
export const milliCpu = (quantity: string | number | undefined): number => Math.ceil(Number((amount(quantity) * 1000).toFixed(6)));

export const bytes = (quantity: string | number | undefined): number => Math.ceil(amount(quantity));
