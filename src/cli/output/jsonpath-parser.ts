import { CommandError } from '../errors.ts';

export type JsonPathNode =
  | { kind: 'text'; text: string }
  | { kind: 'path'; steps: Step[] }
  | { kind: 'range'; steps: Step[]; body: JsonPathNode[] };

export type Step =
  | { kind: 'root' }
  | { kind: 'field'; name: string }
  | { kind: 'wildcard' }
  | { kind: 'recursive' }
  | { kind: 'index'; index: number }
  | { kind: 'slice'; from: number | undefined; to: number | undefined; by: number | undefined }
  | { kind: 'union'; parts: Step[][] }
  | { kind: 'filter'; filter: Filter };

export interface Filter {
  left: Operand;
  operator?: '==' | '!=' | '<' | '<=' | '>' | '>=';
  right?: Operand;
}

type Operand = { kind: 'literal'; value: unknown } | { kind: 'path'; steps: Step[] };

/** Splits a template into text, paths and ranges. Throws CommandError. */
export const parseJsonPath = (template: string): JsonPathNode[] => {
  const root: JsonPathNode[] = [];
  const open: JsonPathNode[][] = [root];
  const add = (node: JsonPathNode): void => void (open.at(-1) as JsonPathNode[]).push(node);
  let at = 0;
  while (at < template.length) {
    const brace = template.indexOf('{', at);
    if (brace !== at) add({ kind: 'text', text: template.slice(at, brace < 0 ? undefined : brace) });
    if (brace < 0) break;
    const end = endOfBraces(template, brace);
    const inner = template.slice(brace + 1, end).trim();
    at = end + 1;
    const range = /^range\s+(.*)$/s.exec(inner);
    if (range) {
      const body: JsonPathNode[] = [];
      add({ kind: 'range', steps: parsePath(range[1] as string), body });
      open.push(body);
    } else if (inner === 'end') {
      if (open.length === 1) throw bad(template, 'not in range, nothing to end');
      open.pop();
    } else for (const node of parseExpressions(inner)) add(node);
  }
  if (open.length > 1) throw bad(template, 'a range has no end');
  return root;
};

const bad = (text: string, why: string): CommandError => new CommandError(`error parsing jsonpath ${text}, ${why}`);

/** Where the brace at `start` closes, quoted text left aside. */
const endOfBraces = (text: string, start: number): number => {
  let quote = '';
  for (let at = start + 1; at < text.length; at += 1) {
    const char = text[at] as string;
    if (quote) {
      if (char === '\\') at += 1;
      else if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (char === '}') return at;
  }
  throw bad(text, 'unclosed action');
};

/** `"text"`, or one or more paths: `.a .b`. */
const parseExpressions = (text: string): JsonPathNode[] => {
  const literal = /^(["'])(.*)\1$/s.exec(text);
  if (literal && !(literal[2] as string).includes(literal[1] as string)) return [{ kind: 'text', text: unescaped(literal[2] as string) }];
  return [{ kind: 'path', steps: parsePath(text) }];
};

const unescaped = (text: string): string => text.replace(/\\(.)/g, (_, char: string) => ({ n: '\n', t: '\t', r: '\r' })[char] ?? char);

const parsePath = (text: string): Step[] => {
  const steps: Step[] = [];
  let at = 0;
  if (text[0] === '$') {
    steps.push({ kind: 'root' });
    at = 1;
  } else if (text[0] === '@') at = 1;
  while (at < text.length) {
    if (text.startsWith('..', at)) {
      steps.push({ kind: 'recursive' });
      at += 1;
      if (text[at + 1] === '[') at += 1;
    } else if (text[at] === '.') {
      const field = /^\.((?:\\.|[^.[\]\s\\])*)/s.exec(text.slice(at));
      const name = (field?.[1] ?? '').replace(/\\(.)/g, '$1');
      if (name === '*') steps.push({ kind: 'wildcard' });
      else if (name !== '') steps.push({ kind: 'field', name });
      at += (field?.[0] ?? '.').length;
    } else if (text[at] === '[') {
      const end = endOfBracket(text, at);
      steps.push(parseBracket(text.slice(at + 1, end).trim(), text));
      at = end + 1;
    } else if (/\s/.test(text[at] as string)) at += 1;
    else if (steps.length === 0) {
      const word = /^[\w-]+/.exec(text.slice(at));
      if (!word) throw bad(text, `unrecognized character in action: ${JSON.stringify(text[at])}`);
      steps.push({ kind: 'field', name: word[0] });
      at += word[0].length;
    } else throw bad(text, `unrecognized character in action: ${JSON.stringify(text[at])}`);
  }
  return steps;
};

const endOfBracket = (text: string, start: number): number => {
  let depth = 0;
  let quote = '';
  for (let at = start; at < text.length; at += 1) {
    const char = text[at] as string;
    if (quote) {
      if (char === '\\') at += 1;
      else if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (char === '[') depth += 1;
    else if (char === ']') {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  throw bad(text, 'unterminated array');
};

const parseBracket = (inner: string, whole: string): Step => {
  if (inner === '*') return { kind: 'wildcard' };
  const filter = /^\?\((.*)\)$/s.exec(inner);
  if (filter) return { kind: 'filter', filter: parseFilter(filter[1] as string) };
  if (/^-?\d+$/.test(inner)) return { kind: 'index', index: Number(inner) };
  const slice = /^(-?\d*):(-?\d*)(?::(-?\d+))?$/.exec(inner);
  const number = (part: string | undefined): number | undefined => (part ? Number(part) : undefined);
  if (slice) return { kind: 'slice', from: number(slice[1]), to: number(slice[2]), by: number(slice[3]) };
  const parts = inner.match(/'(?:\\.|[^'])*'|"(?:\\.|[^"])*"|[^,\s]+/g);
  if (!parts) throw bad(whole, `invalid array index ${inner}`);
  const steps = parts.map((part): Step[] => {
    if (/^['"]/.test(part)) return [{ kind: 'field', name: unescaped(part.slice(1, -1)) }];
    return /^-?\d+$/.test(part) ? [{ kind: 'index', index: Number(part) }] : parsePath(part);
  });
  const [only] = steps;
  return steps.length === 1 && only?.length === 1 ? (only[0] as Step) : { kind: 'union', parts: steps };
};

const parseFilter = (text: string): Filter => {
  const match = /^(.*?)\s*(==|!=|<=|>=|<|>)\s*(.*)$/s.exec(text.trim());
  if (!match) return { left: operand(text.trim()) };
  return {
    left: operand(match[1] as string),
    operator: match[2] as NonNullable<Filter['operator']>,
    right: operand((match[3] as string).trim()),
  };
};

const operand = (text: string): Operand => {
  const quoted = /^(["'])(.*)\1$/s.exec(text);
  if (quoted) return { kind: 'literal', value: unescaped(quoted[2] as string) };
  if (/^-?\d+(\.\d+)?$/.test(text)) return { kind: 'literal', value: Number(text) };
  if (text === 'true' || text === 'false') return { kind: 'literal', value: text === 'true' };
  return { kind: 'path', steps: parsePath(text) };
};
