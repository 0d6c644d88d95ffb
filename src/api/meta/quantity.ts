/**
 * Resource quantities (`100m`, `1.5Gi`, `1e3`). The canonical form keeps the value, has no fraction and the largest suffix that
 * leaves it so. Values finer than a nano are rounded up.
 */
export interface Quantity {
  /** The value times 10^9. */
  readonly nano: bigint;
  readonly format: 'DecimalSI' | 'BinarySI' | 'DecimalExponent';
}

export const QUANTITY_MESSAGE = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

export class QuantityError extends Error {
  constructor() {
    super(QUANTITY_MESSAGE);
    this.name = 'QuantityError';
  }
}

const GIGA = 1_000_000_000n;
const MAX = (2n ** 63n - 1n) * GIGA;
const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)|[eE]([+-]?\d{1,4}))?$/;
const DECIMAL_EXPONENTS: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY_EXPONENTS: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const DECIMAL_SUFFIXES = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY_SUFFIXES = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** Parsed quantities by their text: the same few texts come again and again. Emptied when full. */
const parsed = new Map<string, Quantity>();
const canonical = new Map<string, string>();
const MEMO_LIMIT = 4096;

const remember = <V>(memo: Map<string, V>, key: string, value: V): V => {
  if (memo.size >= MEMO_LIMIT) memo.clear();
  memo.set(key, value);
  return value;
};

/** Throws `QuantityError`. */
export const parseQuantity = (input: string | number): Quantity => {
  const text = typeof input === 'number' ? String(input) : input;
  return parsed.get(text) ?? remember(parsed, text, parseText(text));
};

/** `parseQuantity` without the exception. */
export const tryQuantity = (input: unknown): Quantity | undefined => {
  if (typeof input !== 'string' && typeof input !== 'number') return undefined;
  try {
    return parseQuantity(input);
  } catch {
    // The caller asked for undefined where the text is no quantity.
    return undefined;
  }
};

const parseText = (text: string): Quantity => {
  const match = NUMBER.exec(text);
  if (!match) throw new QuantityError();
  const [, sign, whole = '', fraction = '', suffix, exponentText] = match;
  if (whole === '' && fraction === '') throw new QuantityError();
  const binary = suffix === undefined ? undefined : BINARY_EXPONENTS[suffix];
  const exponent = binary === undefined ? (suffix === undefined ? Number(exponentText ?? 0) : (DECIMAL_EXPONENTS[suffix] as number)) : 0;
  // digits * 10^scale * 2^binary is the value; nano is that times 10^9, rounded away from zero.
  let digits = BigInt(whole + fraction || '0');
  const scale = exponent - fraction.length + 9;
  if (binary !== undefined) digits <<= BigInt(binary);
  let nano = digits;
  if (scale >= 0) nano = digits === 0n ? 0n : scale > 60 ? MAX : digits * 10n ** BigInt(scale);
  else {
    const divisor = 10n ** BigInt(-scale);
    nano = (digits + divisor - 1n) / divisor;
  }
  if (nano > MAX) nano = MAX;
  const format = binary !== undefined ? 'BinarySI' : exponentText !== undefined ? 'DecimalExponent' : 'DecimalSI';
  return { nano: sign === '-' ? -nano : nano, format };
};

/** The canonical text. */
export const formatQuantity = (quantity: Quantity): string => {
  const { nano, format } = quantity;
  if (nano === 0n) return '0';
  const sign = nano < 0n ? '-' : '';
  const size = nano < 0n ? -nano : nano;
  if (format === 'BinarySI' && size >= 1024n * GIGA && size % GIGA === 0n) {
    let value = size / GIGA;
    let step = 0;
    while (step < BINARY_SUFFIXES.length - 1 && value % 1024n === 0n) {
      value /= 1024n;
      step++;
    }
    return `${sign}${value}${BINARY_SUFFIXES[step]}`;
  }
  let value = size;
  let step = 0;
  const last = format === 'DecimalExponent' ? 30 : DECIMAL_SUFFIXES.length - 1;
  while (step < last && value % 1000n === 0n) {
    value /= 1000n;
    step++;
  }
  if (format !== 'DecimalExponent') return `${sign}${value}${DECIMAL_SUFFIXES[step]}`;
  const exponent = step * 3 - 9;
  return exponent === 0 ? `${sign}${value}` : `${sign}${value}e${exponent}`;
};

/** Throws `QuantityError`. */
export const canonicalQuantity = (input: string | number): string => {
  const text = typeof input === 'number' ? String(input) : input;
  return canonical.get(text) ?? remember(canonical, text, formatQuantity(parseQuantity(text)));
};

/** Below, at or above zero, as `sort` wants it. */
export const compareQuantities = (a: string | number, b: string | number): number => {
  const left = parseQuantity(a).nano;
  const right = parseQuantity(b).nano;
  return left < right ? -1 : left > right ? 1 : 0;
};

const keepFormat = (nano: bigint, a: Quantity, b: Quantity): string =>
  formatQuantity({ nano, format: a.nano === 0n ? b.format : a.format });

/** The sum in `a`'s format, or in `b`'s where `a` is zero. */
export const addQuantities = (a: string | number, b: string | number): string => {
  const [left, right] = [parseQuantity(a), parseQuantity(b)];
  return keepFormat(left.nano + right.nano, left, right);
};

export const subtractQuantities = (a: string | number, b: string | number): string => {
  const [left, right] = [parseQuantity(a), parseQuantity(b)];
  return keepFormat(left.nano - right.nano, left, right);
};

const ceilDiv = (value: bigint, divisor: bigint): bigint => (value >= 0n ? (value + divisor - 1n) / divisor : value / divisor);

/** Whole units, rounded up: bytes of memory, number of pods. */
export const quantityValue = (input: string | number): number => Number(ceilDiv(parseQuantity(input).nano, GIGA));

/** Thousandths, rounded up: millicores of CPU. */
export const quantityMilliValue = (input: string | number): number => Number(ceilDiv(parseQuantity(input).nano, 1_000_000n));

/** What each suffix of a quantity stands for, as a double: where an estimate is enough. */
export const UNIT_FACTORS: Readonly<Record<string, number>> = {
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
