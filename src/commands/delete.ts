import { type KubeObject, pathOf } from '../api/meta/object.ts';
import { isNotFound } from '../api/meta/status.ts';
import { durationMs } from '../cli/args/duration.ts';
import { booleanFlag, type Flags, integerFlag, textFlag } from '../cli/args/flags.ts';
import { forEachItem, UsageError } from '../cli/errors.ts';
import { DRY_RUN_FLAG, FILE_FLAGS, SELECTOR_FLAGS } from '../cli/kube/object-flags.ts';
import { qualifiedName } from '../cli/kube/resource-catalog.ts';
import { parseTargets } from '../cli/kube/targets.ts';
import { waitForDeletion } from '../cli/kube/wait-for.ts';
import { ObjectCommand, type ObjectInfo } from '../cli/object-command.ts';

const flags = {
  ...FILE_FLAGS,
  ...SELECTOR_FLAGS,
  'dry-run': DRY_RUN_FLAG,
  all: booleanFlag('Every object of the type in the namespace'),
  'all-namespaces': booleanFlag('In every namespace', { char: 'A' }),
  'ignore-not-found': booleanFlag('An object that is not there is no error'),
  wait: booleanFlag('Wait until it is gone', { default: true }),
  timeout: textFlag('How long to wait (0: as long as it takes)', { default: '0s' }),
  'grace-period': integerFlag('Seconds to end in order; -1: what the object says', { default: -1 }),
  now: booleanFlag('The same as --grace-period=1'),
  force: booleanFlag('With --grace-period=0: do not wait for the node'),
  cascade: textFlag('What happens to its dependents', {
    default: 'background',
    bare: 'background',
    options: ['background', 'orphan', 'foreground', 'true', 'false'],
  }),
  output: textFlag('name, or a sentence', { char: 'o', options: ['name', ''] }),
} as const satisfies Flags;

const PROPAGATION: Record<string, string> = {
  background: 'Background',
  true: 'Background',
  orphan: 'Orphan',
  false: 'Orphan',
  foreground: 'Foreground',
};

export default class Delete extends ObjectCommand<typeof flags> {
  static override summary = 'Delete objects';
  static override usage = '(TYPE NAME... | TYPE/NAME... | TYPE -l SELECTOR | TYPE --all | -f FILE) [flags]';
  static override examples = ['slipway delete pod web', 'slipway delete -f web.yaml', 'slipway delete deployments,services -l app=web'];
  static override flags = flags;

  async run(): Promise<void> {
    const selective = this.flags.all || this.flags.selector !== undefined || this.flags['field-selector'] !== undefined;
    const gone: ObjectInfo[] = [];
    const grace = this.graceSeconds();
    if (grace === 0 && this.flags.force)
      this.io.err(
        'Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n',
      );
    const found = selective && !this.flags.filename.length ? await this.objects() : await this.named();
    if (!found.length && selective) this.io.out('No resources found\n');
    await forEachItem(found, async (info) => {
      if (this.dryRun !== 'client') await this.deleteOne(info, grace, gone);
      this.tell(info, grace === 0 && this.flags.force ? 'force deleted' : 'deleted');
    });
    if (!this.flags.wait || this.dryRun !== 'none' || (grace === 0 && this.flags.force)) return;
    const timeoutMs = durationMs(this.flags.timeout) || 7 * 24 * 3600 * 1000;
    await waitForDeletion(await this.session(), gone, { timeoutMs, signal: this.signal });
  }

  private async named(): Promise<ObjectInfo[]> {
    if (this.flags.filename.length) return this.manifests();
    if (!this.args.length) throw new UsageError('You must provide one or more resources by argument or filename.');
    const session = await this.session();
    const refs = await parseTargets(this.args, session.resources);
    return refs.map(({ resource, name }) => {
      if (name === undefined) throw new UsageError('resource(s) were provided, but no name was specified');
      const namespace = resource.namespaced ? session.namespace : undefined;
      return { resource, name, namespace, object: { metadata: { name } } };
    });
  }

  private graceSeconds(): number | undefined {
    if (this.flags.now) {
      if (this.flags['grace-period'] >= 0) throw new UsageError('--now and --grace-period cannot be specified together');
      return 1;
    }
    // Zero is dangerous for what runs: without --force it means as soon as possible, in order.
    if (this.flags['grace-period'] === 0 && !this.flags.force) return 1;
    if (this.flags.force && this.flags['grace-period'] < 0) return 0;
    return this.flags['grace-period'] >= 0 ? this.flags['grace-period'] : undefined;
  }

  private async deleteOne(info: ObjectInfo, grace: number | undefined, gone: ObjectInfo[]): Promise<void> {
    try {
      const answer = await this.send<KubeObject & { details?: { uid?: string } }>({
        method: 'DELETE',
        path: pathOf(info.resource, { namespace: info.namespace, name: info.name }),
        body: {
          kind: 'DeleteOptions',
          apiVersion: 'v1',
          propagationPolicy: PROPAGATION[this.flags.cascade],
          ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
          ...(this.dryRun === 'server' ? { dryRun: ['All'] } : {}),
        },
      });
      const uid = answer.metadata?.uid ?? answer.details?.uid;
      gone.push({ ...info, object: { metadata: { name: info.name, ...(uid ? { uid } : {}) } } });
    } catch (error) {
      if (!(isNotFound(error) && (this.flags['ignore-not-found'] || this.flags.all))) throw error;
    }
  }

  private tell(info: ObjectInfo, verb: string): void {
    const { resource, name } = info;
    if (this.flags.output === 'name') this.io.out(`${qualifiedName(resource, name)}\n`);
    else {
      const typeName = resource.group ? `${resource.singular}.${resource.group}` : resource.singular;
      const place = info.namespace ? ` from ${info.namespace} namespace` : '';
      this.io.out(`${typeName} "${name}" ${verb}${place}${this.suffix()}\n`);
    }
  }
}
