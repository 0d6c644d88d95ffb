/**
 * YAML as Kubernetes' Go programs read and write it (sigs.k8s.io/yaml): `yes`, `on` and `y` are booleans, `0777` and `0o17` octal, `1_000`
 * a number, `12:30` and `2024-01-01` strings; of a key that stands twice the last one counts. What comes out is JSON: map keys are strings.
 */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  Scalar,
  visit,
  Document as YamlDocument,
} from 'yaml';
import { MAX_DEPTH, setOwn } from '../schema/walker.ts';

/** Aliases may blow a small text up: the values that come of one text are counted. */
const MAX_VALUES = 1_000_000;
/** Finding what an alias stands for costs a walk over the text. */
const MAX_ALIASES = 5_000;

/** The documents of a text, empty ones left out. Throws an `Error` with line and column for what is no YAML or too big or deep. */
export const parseYaml = (text: string): unknown[] => {
  const documents = parseAllDocuments(text, { schema: 'failsafe', uniqueKeys: false, prettyErrors: true, logLevel: 'silent' });
  const values: unknown[] = [];
  for (const document of documents) {
    const [error] = document.errors;
    if (error) throw error;
    if (document.contents === null) continue;
    const value = new Reader(document as Document.Parsed).read(document.contents as Node, 0);
    if (value !== null) values.push(value);
  }
  return values;
};

/** `line 9: key "foo" already set in map` for each key that stands twice in one map, in Go's words. */
export const duplicateYamlKeys = (text: string): string[] => {
  const lineCounter = new LineCounter();
  const found: string[] = [];
  const [document] = parseAllDocuments(text, { schema: 'failsafe', uniqueKeys: false, logLevel: 'silent', lineCounter });
  if (!document || !('contents' in document)) return found;
  visit(document as Document.Parsed, {
    Map(_, node) {
      const keys = new Set<unknown>();
      for (const { key } of node.items) {
        if (!isScalar(key)) continue;
        if (keys.has(key.value))
          found.push(`line ${lineCounter.linePos(key.range?.[0] ?? 0).line}: key ${JSON.stringify(key.value)} already set in map`);
        keys.add(key.value);
      }
    },
  });
  return found;
};

class Reader {
  readonly #document: Document.Parsed;
  #count = 0;
  #aliases = 0;

  constructor(document: Document.Parsed) {
    this.#document = document;
  }

  read(node: unknown, depth: number): unknown {
    if (++this.#count > MAX_VALUES) throw new Error('yaml: document contains excessive aliasing');
    if (depth > MAX_DEPTH) throw new Error('yaml: exceeded max depth');
    if (isAlias(node)) {
      if (++this.#aliases > MAX_ALIASES) throw new Error('yaml: document contains excessive aliasing');
      const target = (node as Alias).resolve(this.#document);
      if (!target) throw new Error(`yaml: unknown anchor '${(node as Alias).source}' referenced`);
      return this.read(target, depth + 1);
    }
    if (isScalar(node)) return readScalar(node);
    if (isSeq(node)) return node.items.map((item) => this.read(item, depth + 1));
    if (!isMap(node)) return null;
    const result: Record<string, unknown> = {};
    const merged: unknown[] = [];
    for (const pair of node.items) {
      if (!isPair(pair)) continue;
      const key = isScalar(pair.key) ? pair.key : undefined;
      const value = this.read(pair.value, depth + 1);
      if (key?.type === 'PLAIN' && key.source === '<<') merged.push(...(Array.isArray(value) ? value : [value]));
      else setOwn(result, keyText(this.read(pair.key, depth + 1)), value);
    }
    for (const source of merged)
      for (const [key, value] of Object.entries((source ?? {}) as object)) if (!Object.hasOwn(result, key)) setOwn(result, key, value);
    return result;
  }
}

const keyText = (key: unknown): string => {
  if (typeof key === 'object' && key !== null) throw new Error('yaml: invalid map key: a key must be a scalar');
  return key === null ? 'null' : String(key);
};

const TAG_PREFIX = 'tag:yaml.org,2002:';

const readScalar = (node: Scalar): unknown => {
  const text = String(node.value ?? '');
  const tag = node.tag?.replace(TAG_PREFIX, '!!');
  if (tag === '!!str' || tag === '!!binary') return text;
  if (node.type !== 'PLAIN' && (tag === undefined || tag === '!')) return text;
  return resolvePlain(node.source ?? text);
};

const WORDS: ReadonlyMap<string, boolean | null> = new Map([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map((word): [string, boolean] => [word, true]),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map((word): [string, boolean] => [word, false]),
  ...['', '~', 'null', 'Null', 'NULL'].map((word): [string, null] => [word, null]),
]);

const INTEGER = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))$/;
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const INT64 = { least: -(2n ** 63n), most: 2n ** 64n - 1n };

/** What Go makes of a scalar without quotes. */
export const resolvePlain = (text: string): unknown => {
  const word = WORDS.get(text);
  if (word !== undefined) return word;
  if (!/^[-+.0-9]/.test(text)) return text;
  if (text.startsWith('.')) return FLOAT.test(text) ? Number(text) : text;
  const plain = text.replaceAll('_', '');
  const match = INTEGER.exec(plain);
  if (match) {
    const [, sign, hex, binary, octal, decimal] = match;
    const size = hex ? BigInt(`0x${hex}`) : binary ? BigInt(`0b${binary}`) : octal ? BigInt(`0o${octal}`) : BigInt(decimal ?? '0');
    const value = sign === '-' ? -size : size;
    if (value >= INT64.least && value <= INT64.most) return Number(value);
  }
  return FLOAT.test(plain) ? Number(plain) : text;
};

/** As Go prints it: keys sorted, lists not indented, strings in quotes where Go would read them as something else. */
export const stringifyYaml = (value: unknown): string => {
  const document = new YamlDocument(sortedKeys(value), { aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_key, node) => {
      if (typeof node.value === 'string' && ambiguous(node.value)) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return document.toString({ indentSeq: false, lineWidth: 0 });
};

/** Base 60 numbers are strings to Go, but it quotes them for other readers. */
const BASE_60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;

const ambiguous = (text: string): boolean => typeof resolvePlain(text) !== 'string' || BASE_60.test(text) || TIMESTAMP.test(text);
const TIMESTAMP = /^\d{4}-\d{1,2}-\d{1,2}([Tt ].*)?$/;

const sortedKeys = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== 'object' || value === null) return value;
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(value).sort()) {
    const item = (value as Record<string, unknown>)[key];
    if (item !== undefined) setOwn(result, key, sortedKeys(item));
  }
  return result;
};
