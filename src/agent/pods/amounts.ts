const SUFFIXES: Record<string, number> = {
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

/** A quantity as a number, as exact as a double: enough for what cgroups take. 0 for what is absent or unreadable. */
export const amount = (quantity: string | number | undefined): number => {
  if (quantity === undefined) return 0;
  const match = /^([+-]?[0-9.]+(?:[eE][+-]?\d+)?)([a-zA-Z]*)$/.exec(String(quantity));
  const factor = SUFFIXES[match?.[2] ?? ''];
  return match && factor !== undefined ? Number(match[1]) * factor : 0;
};

/** Thousandths of a core, rounded up as upstream does. */
export const milliCpu = (quantity: string | number | undefined): number => Math.ceil(Number((amount(quantity) * 1000).toFixed(6)));

export const bytes = (quantity: string | number | undefined): number => Math.ceil(amount(quantity));
