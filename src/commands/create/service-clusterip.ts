import { type Flags, listFlag } from '../../cli/args/flags.ts';
import { UsageError } from '../../cli/errors.ts';
import { serviceOf, tcpPorts } from '../../cli/kube/generators.ts';
import { WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { builtinResource } from '../../cli/kube/resource-catalog.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = {
  ...WRITE_FLAGS,
  tcp: listFlag('PORT or PORT:TARGET'),
} as const satisfies Flags;

export default class CreateServiceClusterIP extends ObjectCommand<typeof flags> {
  static override summary = 'Create a Service of type ClusterIP';
  static override usage = 'NAME --tcp=PORT:TARGET';
  static override examples = ['slipway create service clusterip web --tcp=80:8080'];
  static override flags = flags;

  async run(): Promise<void> {
    const name = this.args[0];
    if (!name) throw new UsageError('exactly one NAME is required, got 0');
    const resource = builtinResource('services');
    const ports = tcpPorts(this.flags.tcp);
    if (!ports.length) throw new UsageError('at least one tcp port specifier must be provided');
    const labels = { app: name };
    const object = serviceOf({ name, type: 'ClusterIP', selector: labels, labels, ports });
    (object['spec'] as Record<string, unknown>)['type'] = 'ClusterIP';
    await this.report(resource, await this.create(resource, object), 'created');
  }
}
