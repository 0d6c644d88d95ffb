import { type Flags, integerFlag, listFlag } from '../../cli/args/flags.ts';
import { UsageError } from '../../cli/errors.ts';
import { deploymentOf } from '../../cli/kube/generators.ts';
import { WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { builtinResource } from '../../cli/kube/resource-catalog.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = {
  ...WRITE_FLAGS,
  image: listFlag('Image of a container; may be repeated'),
  replicas: integerFlag('How many pods', { char: 'r', default: 1 }),
  port: integerFlag('Port that the container listens on'),
} as const satisfies Flags;

export default class CreateDeployment extends ObjectCommand<typeof flags> {
  static override summary = 'Create a Deployment';
  static override usage = 'NAME --image=IMAGE [--replicas=N] [--port=PORT] [-- COMMAND...]';
  static override examples = ['slipway create deployment web --image=registry.slipway.local/demo:1 --replicas=3'];
  static override flags = flags;

  async run(): Promise<void> {
    const name = this.args[0];
    if (!name) throw new UsageError('exactly one NAME is required, got 0');
    const resource = builtinResource('deployments', 'apps');
    const images = this.flags.image;
    if (!images.length) throw new UsageError('required flag(s) "image" not set');
    const { replicas, port } = this.flags;
    const object = deploymentOf({ name, images, replicas, port, command: this.args.slice(1) });
    await this.report(resource, await this.create(resource, object), 'created');
  }
}
