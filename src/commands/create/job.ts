import type { KubeObject, Stored } from '../../api/meta/object.ts';
import type { CronJob } from '../../api/types/batch-v1.ts';
import { type Flags, textFlag } from '../../cli/args/flags.ts';
import { CommandError, UsageError } from '../../cli/errors.ts';
import { WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { builtinResource } from '../../cli/kube/resource-catalog.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = {
  ...WRITE_FLAGS,
  image: textFlag('Image of the container'),
  from: textFlag('Run what a CronJob would run: cronjob/NAME'),
} as const satisfies Flags;

export default class CreateJob extends ObjectCommand<typeof flags> {
  static override summary = 'Create a Job';
  static override usage = 'NAME (--image=IMAGE | --from=cronjob/NAME) [-- COMMAND...]';
  static override examples = ['slipway create job once --image=IMAGE -- date', 'slipway create job now --from=cronjob/clean'];
  static override flags = flags;

  async run(): Promise<void> {
    const name = this.args[0];
    if (!name) throw new UsageError('exactly one NAME is required, got 0');
    const resource = builtinResource('jobs', 'batch');
    const { image, from } = this.flags;
    if (Boolean(image) === Boolean(from)) throw new UsageError('either --image or --from must be specified');
    const command = this.args.slice(1);
    if (from && command.length) throw new UsageError('cannot specify --from and command');
    if (from) {
      await this.report(resource, await this.create(resource, await this.jobOf(name, from)), 'created');
      return;
    }
    const container = { name, image, resources: {}, ...(command.length ? { command } : {}) };
    const template = { metadata: {}, spec: { containers: [container], restartPolicy: 'Never' } };
    const object = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec: { template }, status: {} };
    await this.report(resource, await this.create(resource, object), 'created');
  }

  /** A Job of the CronJob's template, owned by it. */
  private async jobOf(name: string, from: string): Promise<KubeObject> {
    const [kind = '', source, ...more] = from.split('/');
    const cronJobs = await (await this.session()).resources.byArgument(kind);
    if (cronJobs.kind !== 'CronJob' || !source || more.length) throw new CommandError('from must be an existing cronjob');
    const cronJob = await this.read<Stored<CronJob>>(cronJobs, source);
    const { metadata, spec } = cronJob.spec?.jobTemplate ?? {};
    const { name: ownerName = '', uid = '' } = cronJob.metadata;
    return {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        name,
        ...(metadata?.labels ? { labels: metadata.labels } : {}),
        annotations: { 'cronjob.kubernetes.io/instantiate': 'manual', ...metadata?.annotations },
        ownerReferences: [{ apiVersion: 'batch/v1', kind: 'CronJob', name: ownerName, uid, controller: true }],
      },
      spec,
    };
  }
}
