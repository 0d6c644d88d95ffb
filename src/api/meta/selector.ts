import type { LabelSelector } from '../types/meta-v1.ts';
import { labelKeyProblems, labelValueProblems } from './names.ts';
import { badRequest } from './status.ts';

export type Labels = Readonly<Record<string, string>>;

export interface LabelRequirement {
  readonly key: string;
  readonly operator: 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';
  readonly values: readonly string[];
}

/** A label selector ready for use. All requirements must hold. */
export interface ParsedSelector {
  readonly requirements: readonly LabelRequirement[];
  /** Requirements of the form key = one of values: what an index can answer. */
  readonly equals: readonly { key: string; values: readonly string[] }[];
  matches(labels: Labels | undefined): boolean;
}

/** `name=web,spec.nodeName!=n1`, split. Names are not checked. */
export interface FieldRequirement {
  name: string;
  operator: '=' | '!=';
  value: string;
}

const NO_LABELS: Labels = Object.freeze({});

const holds = (requirement: LabelRequirement, labels: Labels): boolean => {
  const { key, operator, values } = requirement;
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'in':
      return value !== undefined && values.includes(value);
    case 'notin':
      return value === undefined || !values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    default: {
      if (value === undefined || !/^[+-]?\d+$/.test(value)) return false;
      const bound = BigInt(values[0] as string);
      return operator === 'gt' ? BigInt(value) > bound : BigInt(value) < bound;
    }
  }
};

const selectorOf = (requirements: readonly LabelRequirement[]): ParsedSelector => ({
  requirements,
  equals: requirements.filter((requirement) => requirement.operator === 'in'),
  matches: (labels = NO_LABELS) => {
    for (const requirement of requirements) if (!holds(requirement, labels)) return false;
    return true;
  },
});

export const EVERYTHING: ParsedSelector = selectorOf([]);
export const NOTHING: ParsedSelector = { requirements: [], equals: [], matches: () => false };

const OPERATORS: Readonly<Record<string, LabelRequirement['operator']>> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' };

/** The object form: none selects nothing, an empty one everything. The object was validated before. */
export const selectorFromObject = (selector: LabelSelector | null | undefined): ParsedSelector => {
  if (!selector) return NOTHING;
  const requirements: LabelRequirement[] = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    operator: 'in',
    values: [value],
  }));
  for (const { key, operator, values = [] } of selector.matchExpressions ?? [])
    requirements.push({ key, operator: OPERATORS[operator] ?? 'exists', values });
  return requirements.length === 0 ? EVERYTHING : selectorOf(requirements);
};

/** A plain map of labels that must all be there (Service.spec.selector, nodeSelector). An empty one selects everything. */
export const selectorFromMap = (map: Labels | null | undefined): ParsedSelector => selectorFromObject({ matchLabels: { ...(map ?? {}) } });

/** The query form: `a=b,c!=d,e in (f,g),h,!i,j>1`. Throws a 400 `StatusError` in kube-apiserver's words. */
export const parseLabelSelector = (text: string): ParsedSelector => {
  const parser = new SelectorParser(text);
  return selectorOf(parser.parse());
};

/** As `kubectl` prints it: `app=web,tier in (a,b)`; '' for one that selects everything. */
export const formatSelector = (selector: ParsedSelector): string =>
  [...selector.requirements]
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ key, operator, values }) => {
      if (operator === 'exists') return key;
      if (operator === '!') return `!${key}`;
      if (operator === 'gt') return `${key}>${values[0]}`;
      if (operator === 'lt') return `${key}<${values[0]}`;
      if (operator === 'in' && values.length === 1) return `${key}=${values[0]}`;
      return `${key} ${operator} (${[...values].sort().join(',')})`;
    })
    .join(',');

const fail = (why: string): never => {
  throw badRequest(why);
};

class SelectorParser {
  readonly #tokens: { kind: string; text: string }[] = [];
  #at = 0;

  constructor(text: string) {
    for (const match of text.matchAll(/\s*(==|!=|[()!,=<>]|[^\s()!,=<>]+)|\s+$/g)) {
      const token = match[1];
      if (token !== undefined) this.#tokens.push({ kind: /^[()!,=<>]/.test(token) ? token : 'id', text: token });
    }
  }

  #peek(): { kind: string; text: string } {
    return this.#tokens[this.#at] ?? { kind: 'end', text: '' };
  }

  parse(): LabelRequirement[] {
    const found: LabelRequirement[] = [];
    if (this.#peek().kind === 'end') return found;
    for (;;) {
      const { kind, text } = this.#peek();
      if (kind !== 'id' && kind !== '!') {
        if (kind === 'end') return found;
        fail(`found '${text}', expected: !, identifier, or 'end of string'`);
      }
      found.push(this.#requirement());
      const next = this.#peek();
      if (next.kind === 'end') return found;
      if (next.kind !== ',') fail(`found '${next.text}', expected: ',' or 'end of string'`);
      this.#at++;
      const after = this.#peek();
      if (after.kind !== 'id' && after.kind !== '!') fail(`found '${after.text}', expected: identifier after ','`);
    }
  }

  #requirement(): LabelRequirement {
    if (this.#peek().kind === '!') {
      this.#at++;
      return this.#checked({ key: this.#key(), operator: '!', values: [] });
    }
    const key = this.#key();
    const next = this.#peek();
    if (next.kind === 'end' || next.kind === ',') return this.#checked({ key, operator: 'exists', values: [] });
    this.#at++;
    const isSet = next.text === 'in' || next.text === 'notin';
    if (!isSet && !['=', '==', '!=', '<', '>'].includes(next.text))
      fail(`unable to parse requirement: found '${next.text}', expected: in, notin, =, ==, !=, gt, lt`);
    if (isSet) return this.#checked({ key, operator: next.text as 'in' | 'notin', values: this.#set() });
    const value = this.#value();
    const operator = next.text === '!=' ? 'notin' : next.text === '<' ? 'lt' : next.text === '>' ? 'gt' : 'in';
    return this.#checked({ key, operator, values: [value] });
  }

  #key(): string {
    const { kind, text } = this.#peek();
    if (kind !== 'id') fail(`unable to parse requirement: found '${text}', expected: identifier`);
    this.#at++;
    const problems = labelKeyProblems(text);
    if (problems.length) fail(`unable to parse requirement: <nil>: Invalid value: ${JSON.stringify(text)}: ${problems.join('; ')}`);
    return text;
  }

  #value(): string {
    const { kind, text } = this.#peek();
    if (kind === 'end' || kind === ',') return '';
    if (kind !== 'id') fail(`unable to parse requirement: found '${text}', expected: identifier`);
    this.#at++;
    return text;
  }

  #set(): string[] {
    if (this.#peek().kind !== '(') fail(`unable to parse requirement: found '${this.#peek().text}' expected: '('`);
    this.#at++;
    const values = new Set<string>();
    for (;;) {
      const { kind, text } = this.#peek();
      this.#at++;
      if (kind === ')') {
        if (values.size === 0) values.add('');
        return [...values].sort();
      }
      if (kind === ',') values.add('');
      else if (kind === 'id') {
        values.add(text);
        const next = this.#peek();
        if (next.kind === ',') this.#at++;
        else if (next.kind !== ')') fail(`unable to parse requirement: found '${next.text}', expected: ',' or ')'`);
      } else fail(`unable to parse requirement: found '${text}', expected: ',', ')' or identifier`);
    }
  }

  #checked(requirement: LabelRequirement): LabelRequirement {
    const { key, operator, values } = requirement;
    if (operator === 'gt' || operator === 'lt') {
      if (!/^[+-]?\d+$/.test(values[0] ?? ''))
        fail(
          `unable to parse requirement: values[0]: Invalid value: ${JSON.stringify(values[0])}: for 'Gt', 'Lt' operators, the value must be an integer`,
        );
      return requirement;
    }
    values.forEach((value, index) => {
      const problems = labelValueProblems(value);
      if (problems.length)
        fail(`unable to parse requirement: values[${index}][${key}]: Invalid value: ${JSON.stringify(value)}: ${problems.join('; ')}`);
    });
    return requirement;
  }
}

/** `metadata.name=web,spec.nodeName!=n1`. Throws a 400 `StatusError` in kube-apiserver's words. */
export const parseFieldSelector = (text: string): FieldRequirement[] => {
  const found: FieldRequirement[] = [];
  for (const term of splitTerms(text)) {
    if (term === '') continue;
    const match = /^((?:\\.|[^\\=!])*?)(!=|==|=)((?:\\.|[^\\])*)$/s.exec(term);
    if (!match) fail(`invalid selector: '${text}'; can't understand '${term}'`);
    const [, name = '', operator, value = ''] = match as RegExpExecArray;
    found.push({ name, operator: operator === '!=' ? '!=' : '=', value: unescaped(value) });
  }
  return found;
};

const splitTerms = (text: string): string[] => {
  const terms: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === ',') {
      terms.push(text.slice(start, at));
      start = at + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
};

const unescaped = (value: string): string => {
  if (!value.includes('\\') && !/[,=]/.test(value)) return value;
  if (/\\(?![\\,=])/.test(value)) fail(`invalid field selector: invalid escape sequence: ${/\\[^\\,=]/.exec(value)?.[0] ?? '\\'}`);
  if (/(^|[^\\])=/.test(value)) fail(`invalid field selector: unescaped character in value: 61`);
  return value.replace(/\\([\\,=])/g, '$1');
};
