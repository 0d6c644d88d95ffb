import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, type Node, type Document as ParsedDocument, parseAllDocuments } from 'yaml';

/** A value of a YAML or JSON text with the place where it stands, so that every problem can name its line. */
export type Located =
  | { kind: 'map'; at: Place; entries: Map<string, { at: Place; value: Located }> }
  | { kind: 'list'; at: Place; items: Located[] }
  | { kind: 'scalar'; at: Place; value: string | number | boolean | null };

export interface Place {
  line: number;
  column: number;
}

/** One thing that is wrong with a file. `path` is the key: `spec.pools[0].count`; empty for the whole. */
export interface Problem {
  at: Place;
  path: string;
  message: string;
}

/** An alias may stand for much: what comes of one file is counted. */
const MAX_VALUES = 100_000;
const MAX_DEPTH = 50;

/** Reads one document of YAML 1.2, of which JSON is a part; aliases and merge keys (`<<`) are resolved. All faults of the text are told at once. */
export const readLocated = (text: string): { root?: Located; problems: Problem[] } => {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, { merge: true, uniqueKeys: true, prettyErrors: false, logLevel: 'silent', lineCounter });
  const placeAt = (offset: number): Place => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const all = Array.isArray(documents) ? documents : [];
  const problems: Problem[] = all.flatMap((document) =>
    document.errors.map((error) => ({ at: placeAt(error.pos[0]), path: '', message: inOurWords(error.code, error.message) })),
  );
  const filled = all.filter((document) => document.contents !== null);
  const [first, second] = filled;
  if (second)
    problems.push({
      at: placeAt(second.contents?.range?.[0] ?? 0),
      path: '',
      message: 'a second document begins here: a cluster file is one',
    });
  if (!first && !problems.length) problems.push({ at: { line: 1, column: 1 }, path: '', message: 'the file is empty' });
  if (problems.length || !first) return { problems };
  try {
    return { root: new LocatedReader(first as unknown as ParsedDocument, placeAt).read(first.contents as Node, 0), problems };
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return { problems: [{ at: placeAt(error.offset), path: '', message: error.message }] };
  }
};

const inOurWords = (code: string, message: string): string =>
  code === 'DUPLICATE_KEY' ? 'this key stands twice in one map' : message.replace(/ at line \d+.*/s, '');

class UnreadableError extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

class LocatedReader {
  readonly #document: ParsedDocument;
  readonly #placeAt: (offset: number) => Place;
  #count = 0;

  constructor(document: ParsedDocument, placeAt: (offset: number) => Place) {
    this.#document = document;
    this.#placeAt = placeAt;
  }

  read(node: unknown, depth: number): Located {
    const offset = (node as Node | null)?.range?.[0] ?? 0;
    if (++this.#count > MAX_VALUES || depth > MAX_DEPTH) throw new UnreadableError('there are too many values, or too deep ones', offset);
    const at = this.#placeAt(offset);
    if (isAlias(node)) {
      const target = node.resolve(this.#document);
      if (!target) throw new UnreadableError(`there is no anchor &${node.source} before this`, offset);
      return this.read(target, depth + 1);
    }
    if (isSeq(node)) return { kind: 'list', at, items: node.items.map((item) => this.read(item, depth + 1)) };
    if (isMap(node)) return this.#map(node.items, at, depth);
    const value = isScalar(node) ? node.value : null;
    if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return { kind: 'scalar', at, value: value as string };
    throw new UnreadableError(`a value of this kind has no place in a cluster file`, offset);
  }

  #map(items: readonly unknown[], at: Place, depth: number): Located {
    const entries = new Map<string, { at: Place; value: Located }>();
    const merged: Located[] = [];
    for (const pair of items) {
      if (!isPair(pair)) continue;
      const key = isScalar(pair.key) ? pair.key : undefined;
      const value = this.read(pair.value, depth + 1);
      if (key?.source === '<<') merged.push(...(value.kind === 'list' ? value.items : [value]));
      else entries.set(String(key?.value ?? ''), { at: this.#placeAt((pair.key as Node | null)?.range?.[0] ?? 0), value });
    }
    // What stands in the map itself wins over what is merged into it.
    for (const source of merged)
      if (source.kind === 'map') for (const [name, entry] of source.entries) if (!entries.has(name)) entries.set(name, entry);
    return { kind: 'map', at, entries };
  }
}

/** The value without its places. */
export const plainValue = (located: Located): unknown => {
  if (located.kind === 'scalar') return located.value;
  if (located.kind === 'list') return located.items.map(plainValue);
  return Object.fromEntries([...located.entries].map(([name, entry]) => [name, plainValue(entry.value)]));
};

/** The place of a key, or of what is nearest above it: what is missing has no place of its own. */
export const placeOf = (root: Located, path: readonly (string | number)[]): Place => {
  let here: Located = root;
  let at = root.at;
  for (const part of path) {
    const entry: { at: Place; value: Located } | undefined =
      here.kind === 'map' ? here.entries.get(String(part)) : here.kind === 'list' ? asEntry(here.items[Number(part)]) : undefined;
    if (!entry) return at;
    at = entry.at;
    here = entry.value;
  }
  return here.kind === 'scalar' ? here.at : at;
};

const asEntry = (value: Located | undefined): { at: Place; value: Located } | undefined => value && { at: value.at, value };

/** `spec.pools[0].count`. */
export const pathText = (path: readonly (string | number)[]): string =>
  path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('');
