import { type Flags, textFlag } from '../../cli/args/flags.ts';
import { UsageError } from '../../cli/errors.ts';
import { WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { builtinResource } from '../../cli/kube/resource-catalog.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = {
  ...WRITE_FLAGS,
  image: textFlag('Image of the container'),
} as const satisfies Flags;

export default class CreateJob extends ObjectCommand<typeof flags> {
  static override summary = 'Create a Job';
  static override usage = 'NAME --image=IMAGE [-- COMMAND...]';
  static override examples = ['slipway create job once --image=IMAGE -- date'];
  static override flags = flags;

  async run(): Promise<void> {
    const name = this.args[0];
    if (!name) throw new UsageError('exactly one NAME is required, got 0');
    const resource = builtinResource('jobs', 'batch');
    const { image } = this.flags;
    if (!image) throw new UsageError('either --image or --from must be specified');
    const command = this.args.slice(1);
    const container = { name, image, resources: {}, ...(command.length ? { command } : {}) };
    const template = { metadata: {}, spec: { containers: [container], restartPolicy: 'Never' } };
    const object = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec: { template }, status: {} };
    await this.report(resource, await this.create(resource, object), 'created');
  }
}
