import { CommandError } from '../errors.ts';

/**
 * The part of Go's templates that people use with `-o go-template`: fields, `range` with `else`, `if`/`else if`/`else`, `with`,
 * variables, pipes, comments, trimmed space, and the functions below. What is not known fails by name.
 */
export const renderGoTemplate = (template: string, data: unknown): string => {
  const { nodes } = parseBlock(tokensOf(template), 0);
  return nodes.map((node) => renderNode(node, { dot: data, root: data, variables: new Map() })).join('');
};

type Token = { kind: 'text' | 'action'; text: string };
interface Branch {
  condition: string | undefined;
  body: Node[];
}
type Node = { kind: 'text'; text: string } | { kind: 'value'; text: string } | { kind: 'if' | 'range' | 'with'; branches: Branch[] };
interface Scope {
  dot: unknown;
  root: unknown;
  variables: Map<string, unknown>;
}

const tokensOf = (template: string): Token[] => {
  const tokens: Token[] = [];
  const parts = template.split(/(\{\{-?\s*(?:"(?:\\.|[^"])*"|`[^`]*`|[^}"`]|\}(?!\}))*?-?\}\})/s);
  for (const [index, part] of parts.entries()) {
    if (index % 2 === 0) {
      let text = part;
      if (parts[index - 1]?.endsWith('-}}')) text = text.trimStart();
      if (parts[index + 1]?.startsWith('{{-')) text = text.trimEnd();
      if (text) tokens.push({ kind: 'text', text });
    } else
      tokens.push({
        kind: 'action',
        text: part
          .replace(/^\{\{-?/, '')
          .replace(/-?\}\}$/, '')
          .trim(),
      });
  }
  return tokens;
};

/** Nodes up to the `else` or `end` that closes the block; `stop` is that action's text. */
const parseBlock = (tokens: readonly Token[], from: number): { nodes: Node[]; next: number; stop: string } => {
  const nodes: Node[] = [];
  let at = from;
  while (at < tokens.length) {
    const token = tokens[at] as Token;
    at += 1;
    const block = token.kind === 'action' ? /^(if|range|with)\s+(.*)$/s.exec(token.text) : undefined;
    if (token.kind === 'text') nodes.push({ kind: 'text', text: token.text });
    else if (token.text === 'end' || /^else\b/.test(token.text)) return { nodes, next: at, stop: token.text };
    else if (block) {
      const branches: Branch[] = [];
      let condition: string | undefined = block[2] as string;
      let stop = '';
      do {
        const part = parseBlock(tokens, at);
        branches.push({ condition, body: part.nodes });
        at = part.next;
        stop = part.stop;
        condition = /^else\s+if\s+(.*)$/s.exec(stop)?.[1];
      } while (stop !== 'end' && stop !== '');
      if (stop === '') throw new CommandError('error parsing template: unexpected EOF');
      nodes.push({ kind: block[1] as 'if', branches });
    } else if (!token.text.startsWith('/*')) nodes.push({ kind: 'value', text: token.text });
  }
  return { nodes, next: at, stop: '' };
};

const renderAll = (nodes: readonly Node[], scope: Scope): string => nodes.map((node) => renderNode(node, scope)).join('');

const renderNode = (node: Node, scope: Scope): string => {
  if (node.kind === 'text') return node.text;
  if (node.kind === 'value') {
    const assignment = /^(\$\w+)\s*:?=\s*(.*)$/s.exec(node.text);
    if (!assignment) return goString(evaluatePipe(node.text, scope));
    scope.variables.set(assignment[1] as string, evaluatePipe(assignment[2] as string, scope));
    return '';
  }
  if (node.kind === 'range') return renderRange(node.branches, scope);
  for (const { condition, body } of node.branches) {
    const value = condition === undefined ? true : evaluatePipe(condition, scope);
    if (isTrue(value)) return renderAll(body, node.kind === 'with' && condition !== undefined ? { ...scope, dot: value } : scope);
  }
  return '';
};

const renderRange = (branches: readonly Branch[], scope: Scope): string => {
  const [main, otherwise] = branches;
  const named = /^(?:(\$\w+)\s*,\s*)?(\$\w+)\s*:=\s*(.*)$/s.exec(main?.condition ?? '');
  const value = evaluatePipe(named ? (named[3] as string) : (main?.condition ?? ''), scope);
  const entries: [unknown, unknown][] = Array.isArray(value)
    ? value.map((item, index) => [index, item])
    : typeof value === 'object' && value !== null
      ? Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
      : [];
  if (!entries.length) return renderAll(otherwise?.body ?? [], scope);
  return entries
    .map(([key, item]) => {
      const variables = new Map(scope.variables);
      if (named?.[1]) variables.set(named[1], key);
      if (named?.[2]) variables.set(named[2], item);
      return renderAll(main?.body ?? [], { ...scope, dot: item, variables });
    })
    .join('');
};

const WORDS = /"(?:\\.|[^"])*"|`[^`]*`|\((?:[^()]|\([^()]*\))*\)|[^\s|()]+|\|/g;

const evaluatePipe = (text: string, scope: Scope): unknown => {
  const words = text.match(WORDS) ?? [];
  let piped: { value: unknown } | undefined;
  let stage: string[] = [];
  for (const word of [...words, '|']) {
    if (word !== '|') stage.push(word);
    else {
      piped = { value: evaluateStage(stage, piped, scope) };
      stage = [];
    }
  }
  return piped?.value;
};

const evaluateStage = (words: readonly string[], piped: { value: unknown } | undefined, scope: Scope): unknown => {
  const [head = '', ...rest] = words;
  const call = FUNCTIONS[head];
  if (!call) {
    if (/^[a-zA-Z]\w*$/.test(head) && !/^(true|false|nil)$/.test(head))
      throw new CommandError(`error parsing template: function "${head}" not defined`);
    return evaluateWord(head, scope);
  }
  return call([...rest.map((word) => evaluateWord(word, scope)), ...(piped ? [piped.value] : [])]);
};

const evaluateWord = (word: string, scope: Scope): unknown => {
  if (word.startsWith('"')) return JSON.parse(word);
  if (word.startsWith('`')) return word.slice(1, -1);
  if (word.startsWith('(')) return evaluatePipe(word.slice(1, -1), scope);
  if (/^-?\d+(\.\d+)?$/.test(word)) return Number(word);
  if (word === 'true' || word === 'false') return word === 'true';
  if (word === 'nil') return undefined;
  const [first = '', ...fields] = word.split('.');
  let value: unknown = first === '' ? scope.dot : first === '$' ? scope.root : scope.variables.get(first);
  for (const field of fields.filter((name) => name !== ''))
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[field] : undefined;
  return value;
};

type TemplateFunction = (args: readonly unknown[]) => unknown;

const FUNCTIONS: Record<string, TemplateFunction> = {
  index: ([value, ...keys]) => keys.reduce((found, key) => (found as Record<string, unknown> | undefined)?.[String(key)], value),
  len: ([value]) => (typeof value === 'string' || Array.isArray(value) ? value.length : Object.keys(value ?? {}).length),
  print: (args) => args.map(goString).join(''),
  println: (args) => `${args.map(goString).join(' ')}\n`,
  printf: ([format, ...args]) =>
    String(format).replace(/%[-+0-9.]*([a-z%])/gi, (_, verb: string) =>
      verb === '%' ? '%' : verb === 'q' ? JSON.stringify(args.shift()) : goString(args.shift()),
    ),
  eq: ([first, ...others]) => others.some((other) => other === first),
  ne: ([one, other]) => one !== other,
  lt: ([one, other]) => (one as number) < (other as number),
  le: ([one, other]) => (one as number) <= (other as number),
  gt: ([one, other]) => (one as number) > (other as number),
  ge: ([one, other]) => (one as number) >= (other as number),
  not: ([value]) => !isTrue(value),
  and: (args) => args.find((value) => !isTrue(value)) ?? args.at(-1),
  or: (args) => args.find(isTrue) ?? args.at(-1),
  base64decode: ([text]) => Buffer.from(String(text), 'base64').toString('utf8'),
  exists: ([value, ...keys]) =>
    keys.reduce((found, key) => (found as Record<string, unknown> | undefined)?.[String(key)], value) !== undefined,
};

const isTrue = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : Boolean(value);

const goString = (value: unknown): string => {
  if (value === undefined || value === null) return '<no value>';
  if (Array.isArray(value)) return `[${value.map(goString).join(' ')}]`;
  if (typeof value === 'object')
    return `map[${Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, item]) => `${key}:${goString(item)}`)
      .join(' ')}]`;
  return String(value);
};
