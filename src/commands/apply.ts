import { type KubeObject, pathOf } from '../api/meta/object.ts';
import { isConflict, isNotFound, StatusError } from '../api/meta/status.ts';
import type { PatchType } from '../api/transport.ts';
import { booleanFlag, type Flags, textFlag } from '../cli/args/flags.ts';
import { forEachItem, UsageError } from '../cli/errors.ts';
import { FILE_FLAGS, SELECTOR_FLAGS, WRITE_FLAGS } from '../cli/kube/object-flags.ts';
import { ObjectCommand, type ObjectInfo } from '../cli/object-command.ts';
import { withContext } from '../cli/print-error.ts';

const flags = {
  ...FILE_FLAGS,
  ...SELECTOR_FLAGS,
  ...WRITE_FLAGS,
  'server-side': booleanFlag('Let the server merge'),
  'force-conflicts': booleanFlag('With --server-side: take over fields of other managers'),
  validate: textFlag('strict, warn or ignore', {
    default: 'strict',
    bare: 'strict',
    options: ['strict', 'warn', 'ignore', 'true', 'false'],
  }),
  overwrite: booleanFlag('Accepted for compatibility', { default: true, hidden: true }),
  wait: booleanFlag('Accepted for compatibility', { hidden: true }),
} as const satisfies Flags;

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const VALIDATION: Record<string, string> = { strict: 'Strict', true: 'Strict', warn: 'Warn', ignore: 'Ignore', false: 'Ignore' };

export default class Apply extends ObjectCommand<typeof flags> {
  static override summary = 'Make objects as files say';
  static override usage = '-f FILE [--server-side] [flags]';
  static override examples = ['slipway apply -f web.yaml', 'cat web.yaml | slipway apply -f -', 'slipway apply --server-side -f web.yaml'];
  static override flags = flags;

  async run(): Promise<void> {
    if (!this.flags.filename.length) throw new UsageError('must specify one of -f and -k');
    if (this.args.length) throw new UsageError(`Unexpected args: [${this.args.join(' ')}]`);
    await forEachItem(await this.manifests(), (info) => (this.flags['server-side'] ? this.applyOnServer(info) : this.applyHere(info, 0)));
  }

  private async applyOnServer(info: ObjectInfo): Promise<void> {
    const query = {
      ...this.writeQuery(),
      fieldManager: this.flags['field-manager'] ?? 'kubectl',
      force: String(this.flags['force-conflicts']),
      fieldValidation: VALIDATION[this.flags.validate],
    };
    const body = await this.patch(info, info.object, { type: 'application/apply-patch+yaml', query });
    await this.report(info.resource, body, 'serverside-applied');
  }

  private async applyHere(info: ObjectInfo, attempt: number): Promise<void> {
    const { resource, namespace, name } = info;
    const modified = withAnnotation(info.object);
    let current: KubeObject;
    try {
      current = await this.read(resource, name, namespace);
    } catch (error) {
      if (!isNotFound(error)) throw withContext(error, `error when retrieving current configuration of "${info.source}"`);
      await this.createHere(info, modified);
      return;
    }
    const lastApplied = current.metadata.annotations?.[LAST_APPLIED];
    if (lastApplied === undefined && this.dryRun !== 'client')
      this.io.err(
        `Warning: resource ${resource.plural}/${name} is missing the ${LAST_APPLIED} annotation which is required by slipway apply. slipway apply should only be used on resources created declaratively by either slipway create --save-config or slipway apply. The missing annotation will be patched automatically.\n`,
      );
    const [{ threeWayPatch }, { mergeSchemaOf }] = await Promise.all([
      import('../cli/kube/three-way.ts'),
      import('../cli/kube/merge-schema.ts'),
    ]);
    const schema = mergeSchemaOf(resource.group, resource.version, resource.kind);
    const original = lastApplied ? (JSON.parse(lastApplied) as Record<string, unknown>) : {};
    const patch = threeWayPatch(original, modified, current, schema);
    if (!patch) return this.report(resource, current, 'unchanged');
    if (this.dryRun === 'client') return this.report(resource, modified, 'configured');
    try {
      const type: PatchType = schema ? 'application/strategic-merge-patch+json' : 'application/merge-patch+json';
      const changed = await this.patch(info, patch, {
        type,
        query: { fieldManager: this.manager, fieldValidation: VALIDATION[this.flags.validate] },
      });
      const same = changed.metadata.resourceVersion === current.metadata.resourceVersion && this.dryRun === 'none';
      await this.report(resource, changed, same ? 'unchanged' : 'configured');
    } catch (error) {
      // Someone was faster: the next attempt begins with what they left.
      if (isConflict(error) && attempt < 5) return this.applyHere(info, attempt + 1);
      if (error instanceof StatusError) throw withContext(error, `error when applying patch to "${info.source}"`);
      throw error;
    }
  }

  private get manager(): string {
    return this.flags['field-manager'] ?? 'kubectl-client-side-apply';
  }

  private async createHere(info: ObjectInfo, object: KubeObject): Promise<void> {
    if (this.dryRun === 'client') return this.report(info.resource, object, 'created');
    try {
      const created = await this.send({
        method: 'POST',
        path: pathOf(info.resource, { namespace: info.namespace }),
        body: object,
        query: { ...this.writeQuery(), fieldManager: this.manager, fieldValidation: VALIDATION[this.flags.validate] },
      });
      await this.report(info.resource, created, 'created');
    } catch (error) {
      throw withContext(error, `error when creating "${info.source}"`);
    }
  }
}

/** The object with what was applied written into its annotation, as kubectl writes it. */
const withAnnotation = (object: KubeObject): KubeObject => {
  const { [LAST_APPLIED]: _, ...annotations } = object.metadata.annotations ?? {};
  const plain = { ...object, metadata: { ...object.metadata, annotations } };
  const text = `${JSON.stringify(sortKeys(plain))}\n`;
  return { ...plain, metadata: { ...plain.metadata, annotations: { ...annotations, [LAST_APPLIED]: text } } };
};

const sortKeys = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, item]) => [key, sortKeys(item)]),
  );
};
