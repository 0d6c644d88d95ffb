import { booleanFlag, type Flags, textFlag } from '../cli/args/flags.ts';
import { CommandError, UsageError } from '../cli/errors.ts';
import { KubeCommand } from '../cli/kube-command.ts';

const flags = {
  recursive: booleanFlag('Fields of fields too'),
  'api-version': textFlag('Of this API version'),
  output: textFlag('Accepted for compatibility', { hidden: true }),
} as const satisfies Flags;

interface Schema {
  $ref?: string;
  allOf?: Schema[];
  type?: string;
  description?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema | boolean;
  required?: string[];
  enum?: string[];
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[];
}

type Schemas = Record<string, Schema>;

export default class Explain extends KubeCommand<typeof flags> {
  static override summary = 'The fields of a type';
  static override usage = 'TYPE[.FIELD...] [--recursive]';
  static override examples = ['slipway explain deployment.spec.strategy', 'slipway explain pod.spec --recursive'];
  static override flags = flags;

  async run(): Promise<void> {
    const word = this.args[0];
    if (!word) throw new UsageError('You must specify the type of resource to explain.');
    const session = await this.session();
    const [type = '', ...path] = word.split('.');
    const found = await session.resources.byArgument(type);
    const [group, version] = this.flags['api-version']?.includes('/')
      ? (this.flags['api-version'].split('/') as [string, string])
      : [found.group, this.flags['api-version'] ?? found.version];
    const document = await this.send<{ metadata: object; components?: { schemas?: Schemas } }>({
      method: 'GET',
      path: group ? `/openapi/v3/apis/${group}/${version}` : `/openapi/v3/api/${version}`,
    });
    const schemas = document.components?.schemas ?? {};
    const root = Object.values(schemas).find((schema) =>
      schema['x-kubernetes-group-version-kind']?.some((gvk) => gvk.group === group && gvk.version === version && gvk.kind === found.kind),
    );
    if (!root) throw new CommandError(`couldn't find resource for "${group}/${version}, Kind=${found.kind}"`);
    let schema: Schema = root;
    for (const field of path) {
      const below = elementOf(schema, schemas).properties?.[field];
      if (!below) throw new CommandError(`field "${field}" does not exist`);
      schema = below;
    }
    const lines = [...(group ? [`GROUP:      ${group}`] : []), `KIND:       ${found.kind}`, `VERSION:    ${version}`, ''];
    if (path.length) lines.push(`FIELD: ${path.at(-1)} <${typeName(schema, schemas)}>`, '');
    const description = schema.description ?? elementOf(schema, schemas).description;
    lines.push('', 'DESCRIPTION:', `    ${description ?? '<empty>'}`, '    ');
    const element = elementOf(schema, schemas);
    if (element.properties) lines.push('FIELDS:', ...this.fields(element, schemas, '  ', 0));
    this.io.out(`${lines.join('\n')}\n`);
  }

  private fields(schema: Schema, schemas: Schemas, margin: string, depth: number): string[] {
    return Object.entries(schema.properties ?? {})
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .flatMap(([name, field]) => {
        const line = `${margin}${name}\t<${typeName(field, schemas)}>${schema.required?.includes(name) ? ' -required-' : ''}`;
        const values = field.enum ? [`${margin}enum: ${field.enum.join(', ')}`] : [];
        const text =
          field.description && !this.flags.recursive ? [`${margin}  ${field.description.replaceAll('\n', `\n${margin}  `)}`, ''] : [];
        // Schemas that contain themselves (JSON schema in CRDs) end here.
        const below = this.flags.recursive && depth < 12 ? this.fields(elementOf(field, schemas), schemas, `${margin}  `, depth + 1) : [];
        return [line, ...values, ...text, ...below];
      });
  }
}

const resolved = (schema: Schema, schemas: Schemas): Schema => {
  const reference = schema.$ref ?? schema.allOf?.[0]?.$ref;
  return reference ? (schemas[reference.split('/').at(-1) as string] ?? schema) : schema;
};

/** The schema whose fields are meant: of a list's items or a map's values. */
const elementOf = (schema: Schema, schemas: Schemas): Schema => {
  const own = resolved(schema, schemas);
  if (own.items) return elementOf(own.items, schemas);
  if (typeof own.additionalProperties === 'object') return elementOf(own.additionalProperties, schemas);
  return own;
};

const typeName = (schema: Schema, schemas: Schemas): string => {
  const reference = schema.$ref ?? schema.allOf?.[0]?.$ref;
  if (reference) return (reference.split('.').at(-1) as string) || 'Object';
  if (schema.items) return `[]${typeName(schema.items, schemas)}`;
  if (typeof schema.additionalProperties === 'object') return `map[string]${typeName(schema.additionalProperties, schemas)}`;
  return schema.type === undefined || schema.type === 'object' ? 'Object' : schema.type;
};
