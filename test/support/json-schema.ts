/** As much of JSON Schema as the schemas in docs/reference use; an unknown keyword throws, so that none is passed over. */
interface Schema {
  [keyword: string]: unknown;
}

const NOTES = new Set(['$schema', '$id', '$defs', 'title', 'description', 'examples', 'default', 'format', 'deprecated']);

/** What is wrong, one line a problem: `nodes[0].name: is missing`. Empty for a value that holds. */
export const schemaProblems = (schema: Schema, value: unknown, root: Schema = schema, at = ''): string[] => {
  const problems: string[] = [];
  const say = (what: string): void => void problems.push(`${at || 'it'}: ${what}`);
  const inner = (next: unknown, item: unknown, path: string): string[] => schemaProblems(next as Schema, item, root, path);
  const fields = typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  const checks: Record<string, (wanted: never) => void> = {
    $ref: (wanted: string) => {
      const target = wanted
        .replace(/^#\//, '')
        .split('/')
        .reduce<unknown>((found, part) => (found as Schema)[part], root);
      problems.push(...inner(target, value, at));
    },
    type: (wanted: string | string[]) =>
      [wanted].flat().includes(typeOf(value)) ||
      ([wanted].flat().includes('number') && typeOf(value) === 'integer') ||
      say(`is ${typeOf(value)}, not ${wanted}`),
    const: (wanted: unknown) => value === wanted || say(`is not ${JSON.stringify(wanted)}`),
    enum: (wanted: unknown[]) => wanted.includes(value) || say(`is none of ${wanted.join(', ')}`),
    pattern: (wanted: string) => typeof value !== 'string' || new RegExp(wanted, 'u').test(value) || say(`does not match ${wanted}`),
    minLength: (wanted: number) => typeof value !== 'string' || value.length >= wanted || say('is too short'),
    minimum: (wanted: number) => typeof value !== 'number' || value >= wanted || say(`is less than ${wanted}`),
    maximum: (wanted: number) => typeof value !== 'number' || value <= wanted || say(`is more than ${wanted}`),
    items: (wanted: Schema) => {
      if (Array.isArray(value)) for (const [index, item] of value.entries()) problems.push(...inner(wanted, item, `${at}[${index}]`));
    },
    required: (wanted: string[]) => {
      for (const name of wanted) if (fields && !(name in fields)) say(`${name} is missing`);
    },
    properties: (wanted: Record<string, Schema>) => {
      for (const [name, next] of Object.entries(wanted))
        if (fields && name in fields) problems.push(...inner(next, fields[name], at ? `${at}.${name}` : name));
    },
    additionalProperties: (wanted: boolean | Schema) => {
      for (const name of Object.keys(fields ?? {})) {
        if (name in ((schema['properties'] ?? {}) as object)) continue;
        if (wanted === false) say(`${name} is not known`);
        else problems.push(...inner(wanted, fields?.[name], `${at}.${name}`));
      }
    },
    oneOf: (wanted: Schema[]) => {
      const tried = wanted.map((next) => inner(next, value, at));
      const holding = tried.filter((found) => found.length === 0).length;
      if (holding !== 1)
        say(`holds for ${holding} of ${wanted.length} alternatives: ${tried.map((found) => found.join(', ')).join(' | ')}`);
    },
  };
  for (const [keyword, wanted] of Object.entries(schema)) {
    if (NOTES.has(keyword)) continue;
    const check = checks[keyword];
    if (!check) throw new Error(`the schema uses ${keyword}, which this checker does not know`);
    check(wanted as never);
  }
  return problems;
};

const typeOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value;
