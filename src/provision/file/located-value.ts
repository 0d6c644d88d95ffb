import { Composer, isAlias, isMap, isPair, isScalar, isSeq, LineCounter, type Node, type Document as ParsedDocument, Parser } from 'yaml';
import { deeperThan } from './nesting.ts';

/** A value of a YAML or JSON text with the place where it stands, so that every problem can name its line. */
export type Located =
  | { kind: 'map'; at: Place; entries: Map<string, { at: Place; value: Located }> }
  | { kind: 'list'; at: Place; items: Located[] }
  | {
      kind: 'scalar';
      at: Place;
      value: string | number | boolean | null /** As it is written, of what is no text: `1.0`. */;
      source?: string;
    };

export interface Place {
  line: number;
  column: number;
}

export type Path = readonly (string | number)[];

/** Says that something is wrong at a key. */
export type Say = (path: Path, message: string) => void;

/** One thing that is wrong with a file. `path` is the key: `spec.pools[0].count`; empty for the whole. */
export interface Problem {
  at: Place;
  path: string;
  message: string;
  /** What on the command line stands in the place of the key: then the file is not to blame. */
  saidBy?: string | undefined;
}

/** An alias may stand for much: what comes of one file is counted. */
const MAX_VALUES = 20_000;
const MAX_DEPTH = 50;

/** Reads one document of YAML 1.2, of which JSON is a part; aliases and merge keys (`<<`) are resolved. All faults of the text are told at once. */
export const readLocated = (text: string): { root?: Located; problems: Problem[] } => {
  const lineCounter = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const tokens = [...new Parser(lineCounter.addNewLine).parse(text)];
  const deep = deeperThan(MAX_DEPTH, tokens);
  if (deep !== undefined) return { problems: [{ at: placeAt(deep), path: '', message: `this lies more than ${MAX_DEPTH} values deep` }] };
  const all = [...new Composer({ merge: true, uniqueKeys: false, prettyErrors: false, logLevel: 'silent' }).compose(tokens)];
  const problems: Problem[] = all.flatMap(({ errors, warnings }) =>
    [...errors, ...warnings].map((error) => ({ at: placeAt(error.pos[0]), path: '', message: inOurWords(error.code, error.message) })),
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
    const reader = new LocatedReader(first as unknown as ParsedDocument, placeAt);
    const root = reader.read(first.contents as Node, 0);
    return reader.problems.length ? { problems: reader.problems } : { root, problems };
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return { problems: [{ at: placeAt(error.offset), path: '', message: error.message }] };
  }
};

const inOurWords = (code: string, message: string): string =>
  code === 'TAG_RESOLVE_FAILED' ? 'a tag has no meaning in a cluster file' : message.replace(/ at line \d+.*/s, '');

class UnreadableError extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

class LocatedReader {
  /** Keys that stand twice: found here, as the library compares each key of a map with all others. */
  readonly problems: Problem[] = [];
  readonly #document: ParsedDocument;
  readonly #placeAt: (offset: number) => Place;
  #count = 0;

  constructor(document: ParsedDocument, placeAt: (offset: number) => Place) {
    this.#document = document;
    this.#placeAt = placeAt;
  }

  read(node: unknown, depth: number): Located {
    const offset = (node as Node | null)?.range?.[0] ?? 0;
    // Aliases make values deeper than the text is.
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
    if (value === null || typeof value === 'string') return { kind: 'scalar', at, value };
    if (typeof value === 'number' || typeof value === 'boolean')
      return { kind: 'scalar', at, value, source: (isScalar(node) && node.source) || String(value) };
    throw new UnreadableError(`a value of this kind has no place in a cluster file`, offset);
  }

  #map(items: readonly unknown[], at: Place, depth: number): Located {
    const entries = new Map<string, { at: Place; value: Located }>();
    const merged: (Located & { kind: 'map' })[] = [];
    for (const pair of items) {
      if (!isPair(pair)) continue;
      const offset = (pair.key as Node | null)?.range?.[0] ?? 0;
      const key = isScalar(pair.key) ? pair.key : undefined;
      if (key?.value === undefined || key.value === null) throw new UnreadableError('a key must be a text', offset);
      const value = this.read(pair.value, depth + 1);
      if (key.source === '<<' && key.type === 'PLAIN') merged.push(...mapsIn(value, (pair.value as Node | null)?.range?.[0] ?? offset));
      else if (entries.has(String(key.value)))
        this.problems.push({ at: this.#placeAt(offset), path: '', message: 'this key stands twice in one map' });
      else entries.set(String(key.value), { at: this.#placeAt(offset), value });
    }
    // What stands in the map itself wins over what is merged into it.
    for (const source of merged) for (const [name, entry] of source.entries) if (!entries.has(name)) entries.set(name, entry);
    return { kind: 'map', at, entries };
  }
}

const mapsIn = (value: Located, offset: number): (Located & { kind: 'map' })[] =>
  (value.kind === 'list' ? value.items : [value]).map((source) => {
    if (source.kind === 'map') return source;
    throw new UnreadableError('<< merges a map, or a list of maps, into this one: << : *anchor', offset);
  });

/** The value without its places. */
export const plainValue = (located: Located): unknown => {
  if (located.kind === 'scalar') return located.value;
  if (located.kind === 'list') return located.items.map(plainValue);
  return Object.fromEntries([...located.entries].map(([name, entry]) => [name, plainValue(entry.value)]));
};

/** The place of a key, or of what is nearest above it: what is missing has no place of its own. */
export const placeOf = (root: Located, path: Path): Place => {
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
export const pathText = (path: Path): string =>
  path.map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${shortened(part)}`)).join('');

const MOST_ECHOED = 80;

/** Nobody reads more of what was written than its beginning. */
export const shortened = (text: string): string =>
  text.length > MOST_ECHOED ? `${text.slice(0, MOST_ECHOED)}… (${text.length} characters)` : text;
