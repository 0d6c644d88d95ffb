import { type Flags, textFlag } from '../../cli/args/flags.ts';
import { UsageError } from '../../cli/errors.ts';
import { WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { builtinResource } from '../../cli/kube/resource-catalog.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = {
  ...WRITE_FLAGS,
  image: textFlag('Image of the container'),
  schedule: textFlag('When, as cron writes it: "*/5 * * * *"'),
  restart: textFlag('Restart policy of the pods', { default: 'OnFailure', options: ['OnFailure', 'Never'] }),
} as const satisfies Flags;

export default class CreateCronJob extends ObjectCommand<typeof flags> {
  static override summary = 'Create a CronJob';
  static override usage = 'NAME --image=IMAGE --schedule=SCHEDULE [flags] [-- COMMAND...]';
  static override examples = ['slipway create cronjob clean --image=IMAGE --schedule="0 3 * * *" -- rm -r /tmp/old'];
  static override flags = flags;

  async run(): Promise<void> {
    const [name, ...command] = this.args;
    if (!name) throw new UsageError('exactly one NAME is required, got 0');
    const { image, schedule, restart } = this.flags;
    if (!image) throw new UsageError('required flag(s) "image" not set');
    if (!schedule) throw new UsageError('required flag(s) "schedule" not set');
    const container = { name, image, resources: {}, ...(command.length ? { command } : {}) };
    const template = { metadata: {}, spec: { containers: [container], restartPolicy: restart } };
    const resource = builtinResource('cronjobs', 'batch');
    const spec = { schedule, jobTemplate: { metadata: { name }, spec: { template } } };
    const object = { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name }, spec, status: {} };
    await this.report(resource, await this.create(resource, object), 'created');
  }
}
