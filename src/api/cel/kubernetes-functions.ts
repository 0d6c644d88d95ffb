import type { Environment } from '@marcbachmann/cel-js';
import { addQuantities, compareQuantities, quantityValue, subtractQuantities, tryQuantity } from '../meta/quantity.ts';

/** A quantity in an expression. */
class CelQuantity {
  readonly text: string;
  constructor(text: string) {
    if (!tryQuantity(text)) throw new Error(`cannot parse ${JSON.stringify(text)} as a quantity`);
    this.text = text;
  }
}

/** The receiver of `jsonpatch.escapeKey`. */
class JsonPatchLibrary {}

/** What Kubernetes adds to the language: lists, regular expressions, quantities. */
export const registerKubernetesFunctions = (env: Environment): void => {
  env.registerType('Quantity', { ctor: CelQuantity, fields: {} });
  env
    .registerFunction('quantity(string): Quantity', (text: string) => new CelQuantity(text))
    .registerFunction('isQuantity(string): bool', (text: string) => tryQuantity(text) !== undefined)
    .registerFunction('Quantity.compareTo(Quantity): int', (a: CelQuantity, b: CelQuantity) => BigInt(compareQuantities(a.text, b.text)))
    .registerFunction('Quantity.isGreaterThan(Quantity): bool', (a: CelQuantity, b: CelQuantity) => compareQuantities(a.text, b.text) > 0)
    .registerFunction('Quantity.isLessThan(Quantity): bool', (a: CelQuantity, b: CelQuantity) => compareQuantities(a.text, b.text) < 0)
    .registerFunction(
      'Quantity.add(Quantity): Quantity',
      (a: CelQuantity, b: CelQuantity) => new CelQuantity(addQuantities(a.text, b.text)),
    )
    .registerFunction(
      'Quantity.sub(Quantity): Quantity',
      (a: CelQuantity, b: CelQuantity) => new CelQuantity(subtractQuantities(a.text, b.text)),
    )
    .registerFunction('Quantity.sign(): int', (a: CelQuantity) => BigInt(Math.sign(compareQuantities(a.text, '0'))))
    .registerFunction('Quantity.asInteger(): int', (a: CelQuantity) => BigInt(quantityValue(a.text)));
  env
    .registerFunction('string.find(string): string', (text: string, pattern: string) => patternOf(pattern, '').exec(text)?.[0] ?? '')
    .registerFunction('string.findAll(string): list<string>', (text: string, pattern: string) =>
      [...text.matchAll(patternOf(pattern, 'g'))].map(([found]) => found),
    );
  env
    .registerFunction('list.sum(): dyn', (items: unknown[]) => sum(items))
    .registerFunction('list.min(): dyn', (items: unknown[]) => extreme(items, (a, b) => a < b))
    .registerFunction('list.max(): dyn', (items: unknown[]) => extreme(items, (a, b) => a > b))
    .registerFunction('list.isSorted(): bool', (items: Ordered[]) =>
      items.every((item, at) => at === 0 || (items[at - 1] as Ordered) <= item),
    )
    .registerFunction('list.indexOf(dyn): int', (items: unknown[], wanted: unknown) => BigInt(items.indexOf(wanted)))
    .registerFunction('list.lastIndexOf(dyn): int', (items: unknown[], wanted: unknown) => BigInt(items.lastIndexOf(wanted)));
  // Escapes what JSON Pointer gives a meaning to.
  env
    .registerType('JsonPatchLibrary', { ctor: JsonPatchLibrary, fields: {} })
    .registerFunction('JsonPatchLibrary.escapeKey(string): string', (_: unknown, key: string) =>
      key.replaceAll('~', '~0').replaceAll('/', '~1'),
    )
    .registerConstant('jsonpatch', 'JsonPatchLibrary', new JsonPatchLibrary());
};

/** Only what needs to be is read as code points: see runtime/linear-patterns.ts. */
const patternOf = (pattern: string, flags: string): RegExp => new RegExp(pattern, /\\[pPu]\{|[^ -~]/.test(pattern) ? `${flags}u` : flags);

type Ordered = string | number | bigint;

const sum = (items: readonly unknown[]): unknown => {
  if (items.length === 0) return 0n;
  return items.every((item) => typeof item === 'bigint')
    ? (items as bigint[]).reduce((a, b) => a + b, 0n)
    : items.reduce<number>((a, b) => a + Number(b), 0);
};

const extreme = (items: readonly unknown[], better: (a: Ordered, b: Ordered) => boolean): unknown => {
  if (items.length === 0) throw new Error('min or max of an empty list');
  return (items as Ordered[]).reduce((best, item) => (better(item, best) ? item : best));
};
