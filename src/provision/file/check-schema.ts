import { nearest } from '../../base/text/nearest.ts';
import { formProblem } from '../../base/text/text-form.ts';
import { type Located, type Path, type Place, type Problem, pathText, shortened } from './located-value.ts';
import type { Schema } from './schema.ts';

/** Everything in which a value is not as the schema says. */
export const checkSchema = (value: Located, schema: Schema): Problem[] => {
  const problems: Problem[] = [];
  check(value, schema, [], problems);
  return problems;
};

const check = (value: Located, schema: Schema, path: Path, problems: Problem[]): void => {
  const say = (at: Place, message: string, where: Path = path): void => void problems.push({ at, path: pathText(where), message });
  const meant = schema.oneOf ? (schema.oneOf.find((one) => one.type === typeOf(value)) ?? schema.oneOf[0]) : schema;
  if (!meant) return;
  if (meant.type && meant.type !== typeOf(value)) {
    say(value.at, wrongType(value, schema.oneOf ?? [meant]));
    return;
  }
  if (value.kind === 'map') checkMap(value, meant, path, problems);
  else if (value.kind === 'list') {
    if (value.items.length < (meant.minItems ?? 0)) say(value.at, 'must not be empty');
    for (const [index, item] of value.items.entries())
      check(item, meant.prefixItems?.[index] ?? meant.items ?? {}, [...path, index], problems);
  } else {
    const problem = scalarProblem(value, meant);
    if (problem) say(value.at, problem);
  }
};

/** A text that YAML takes for a number is no surprise to anybody who knows the form that it should have. */
const wrongType = (value: Located, types: readonly Schema[]): string => {
  const text = types.find((one) => one.type === 'string');
  if (!text || value.kind !== 'scalar' || value.source === undefined) {
    const words = types.map((one) => `${WORDS[one.type ?? 'string']}${one['x-is'] ? ` (${one['x-is']})` : ''}`);
    return `must be ${words.join(' or ')}, not ${shown(value)}`;
  }
  const problem = scalarProblem({ ...value, value: value.source }, text);
  return problem ?? `must be a text, not ${value.source}: in quotes it is one, "${value.source}"`;
};

const checkMap = (value: Located & { kind: 'map' }, schema: Schema, path: Path, problems: Problem[]): void => {
  const known = new Map(Object.entries(schema.properties ?? {}));
  for (const [name, entry] of value.entries) {
    const inside = known.get(name) ?? (schema.additionalProperties || undefined);
    if (inside) check(entry.value, inside, [...path, name], problems);
    else problems.push({ at: entry.at, path: pathText([...path, name]), message: unknownKey(name, [...known.keys()]) });
  }
  for (const name of schema.required ?? [])
    if (!value.entries.has(name)) problems.push({ at: value.at, path: pathText([...path, name]), message: 'is missing' });
};

const unknownKey = (name: string, known: readonly string[]): string => {
  const [meant] = nearest(name, known);
  return `there is no such key; ${meant ? `did you mean ${meant}?` : `here are: ${known.join(', ') || 'none'}`}`;
};

/** Of a value of the right type. */
const scalarProblem = (value: Located & { kind: 'scalar' }, schema: Schema): string | undefined => {
  const given = value.value;
  const not = (problem: string): string => (problem.startsWith('must ') ? `${problem}, not ${shown(value)}` : problem);
  const allowed = schema.const === undefined ? schema.enum : [schema.const];
  if (allowed && !allowed.includes(String(given))) {
    const [meant] = nearest(String(given), allowed);
    return `${not(`must be ${allowed.join(' or ')}`)}${meant && allowed.length > 1 ? `; did you mean ${meant}?` : ''}`;
  }
  if (typeof given === 'number')
    return given < (schema.minimum ?? given) || given > (schema.maximum ?? given) ? not(`must be ${rangeText(schema)}`) : undefined;
  if (typeof given !== 'string') return undefined;
  if (given.length < (schema.minLength ?? 0)) return 'must not be empty';
  const problem = formProblem(schema, given);
  return problem && not(problem);
};

const rangeText = ({ minimum, maximum }: Schema): string =>
  maximum === undefined ? `at least ${minimum}` : minimum === undefined ? `at most ${maximum}` : `${minimum} to ${maximum}`;

const WORDS = { object: 'a map', array: 'a list', string: 'a text', integer: 'a whole number', boolean: 'true or false' } as const;

const typeOf = (value: Located): string => {
  if (value.kind === 'map') return 'object';
  if (value.kind === 'list') return 'array';
  if (typeof value.value === 'number') return Number.isInteger(value.value) ? 'integer' : 'number';
  return value.value === null ? 'null' : typeof value.value;
};

const shown = (value: Located): string => {
  if (value.kind === 'map') return 'a map';
  if (value.kind === 'list') return 'a list';
  return value.value === null ? 'empty' : shortened(value.source ?? JSON.stringify(value.value));
};
