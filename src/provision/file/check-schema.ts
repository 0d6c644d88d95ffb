import { nearest } from '../../base/text/nearest.ts';
import { type Located, type Place, type Problem, pathText } from './located-value.ts';
import type { Schema } from './schema.ts';

/** Everything in which a value is not as the schema says, in the order of the file. */
export const checkSchema = (value: Located, schema: Schema): Problem[] => {
  const problems: Problem[] = [];
  check(value, schema, [], problems);
  return problems.sort((one, other) => one.at.line - other.at.line || one.at.column - other.at.column);
};

type Path = readonly (string | number)[];

const check = (value: Located, schema: Schema, path: Path, problems: Problem[]): void => {
  const say = (at: Place, message: string, where: Path = path): void => void problems.push({ at, path: pathText(where), message });
  const meant = schema.oneOf ? (schema.oneOf.find((one) => one.type === typeOf(value)) ?? schema.oneOf[0]) : schema;
  if (!meant) return;
  if (meant.type && meant.type !== typeOf(value)) {
    const types = (schema.oneOf ?? [schema]).map((one) => WORDS[one.type ?? 'string']);
    say(value.at, `must be ${types.join(' or ')}${meant['x-is'] ? ` (${meant['x-is']})` : ''}, not ${shown(value)}`);
    return;
  }
  if (value.kind === 'map') checkMap(value, meant, path, problems);
  else if (value.kind === 'list') {
    if (value.items.length < (meant.minItems ?? 0)) say(value.at, 'must not be empty');
    for (const [index, item] of value.items.entries()) check(item, meant.items ?? {}, [...path, index], problems);
  } else checkScalar(value, meant, say);
};

const checkMap = (value: Located & { kind: 'map' }, schema: Schema, path: Path, problems: Problem[]): void => {
  const known = schema.properties ?? {};
  for (const [name, entry] of value.entries) {
    const inside = known[name] ?? (schema.additionalProperties || undefined);
    if (inside) check(entry.value, inside, [...path, name], problems);
    else problems.push({ at: entry.at, path: pathText([...path, name]), message: unknownKey(name, Object.keys(known)) });
  }
  for (const name of schema.required ?? [])
    if (!value.entries.has(name)) problems.push({ at: value.at, path: pathText([...path, name]), message: 'is missing' });
};

const unknownKey = (name: string, known: readonly string[]): string => {
  const [meant] = nearest(name, known);
  return `there is no such key; ${meant ? `did you mean ${meant}?` : `here are: ${known.join(', ') || 'none'}`}`;
};

const checkScalar = (value: Located & { kind: 'scalar' }, schema: Schema, say: (at: Place, message: string) => void): void => {
  const given = value.value;
  const allowed = schema.const === undefined ? schema.enum : [schema.const];
  if (allowed && !allowed.includes(String(given))) {
    const [meant] = nearest(String(given), allowed);
    say(value.at, `must be ${allowed.join(' or ')}, not ${shown(value)}${meant && allowed.length > 1 ? `; did you mean ${meant}?` : ''}`);
  } else if (typeof given === 'string' && schema.pattern && !new RegExp(`^(?:${schema.pattern})$`, 'u').test(given))
    say(value.at, `must be ${schema['x-is'] ?? `of the form ${schema.pattern}`}, not ${shown(value)}`);
  else if (typeof given === 'number' && (given < (schema.minimum ?? given) || given > (schema.maximum ?? given)))
    say(value.at, `must be ${rangeText(schema)}, not ${given}`);
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
  return value.value === null ? 'empty' : JSON.stringify(value.value);
};
