import { type Flags, integerFlag, listFlag, textFlag } from '../cli/args/flags.ts';
import { CommandError, forEachItem } from '../cli/errors.ts';
import { portOrName, type ServicePort, serviceOf } from '../cli/kube/generators.ts';
import { parsePairs } from '../cli/kube/key-value.ts';
import { FILE_FLAGS, SELECTOR_FLAGS, WRITE_FLAGS } from '../cli/kube/object-flags.ts';
import { builtinResource } from '../cli/kube/resource-catalog.ts';
import { podSpecOf, podSpecPath } from '../cli/kube/workloads.ts';
import { ObjectCommand, type ObjectInfo } from '../cli/object-command.ts';

const flags = {
  ...FILE_FLAGS,
  ...SELECTOR_FLAGS,
  ...WRITE_FLAGS,
  port: textFlag('Port of the Service; default: the ports of the containers'),
  'target-port': textFlag('Port, or its name, of the container'),
  protocol: textFlag('TCP, UDP or SCTP', { default: 'TCP' }),
  type: textFlag('ClusterIP, NodePort, LoadBalancer or ExternalName', {
    options: ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'],
  }),
  name: textFlag('Name of the Service; default: that of the object'),
  labels: listFlag('Labels of the Service'),
  'cluster-ip': textFlag('Address of the Service, or None'),
  'external-ip': textFlag('External address'),
  'load-balancer-ip': textFlag('Address of the load balancer'),
  'session-affinity': textFlag('None or ClientIP'),
  'node-port': integerFlag('Port on every node, with --type=NodePort'),
} as const satisfies Flags;

export default class Expose extends ObjectCommand<typeof flags> {
  static override summary = 'Make a Service for a workload, Pod or Service';
  static override usage = '(TYPE NAME | TYPE/NAME | -f FILE) [--port=PORT] [--target-port=PORT] [--type=TYPE] [flags]';
  static override examples = ['slipway expose deployment web --type=NodePort --port=80 --target-port=8080'];
  static override flags = flags;

  async run(): Promise<void> {
    const services = builtinResource('services');
    // --selector names the pods of the Service here, not the objects to expose.
    await forEachItem(await this.objects(), async (info) => {
      const service = this.serviceFor(info);
      await this.report(services, await this.create(services, service, info.namespace), 'exposed');
    });
  }

  private serviceFor(info: ObjectInfo) {
    const { flags } = this;
    const selector = flags.selector ? parsePairs(flags.selector.split(','), 'selector') : this.selectorFor(info);
    const affinity = flags['session-affinity'];
    return serviceOf({
      name: (flags.name ?? info.name).slice(0, 63),
      type: flags.type ?? 'ClusterIP',
      selector,
      labels: flags.labels.length ? parsePairs(flags.labels, 'labels') : (info.object.metadata.labels ?? {}),
      ports: this.portsFor(info),
      extra: {
        ...(flags['cluster-ip'] === undefined ? {} : { clusterIP: flags['cluster-ip'] }),
        ...(flags['external-ip'] ? { externalIPs: [flags['external-ip']] } : {}),
        ...(flags['load-balancer-ip'] ? { loadBalancerIP: flags['load-balancer-ip'] } : {}),
        ...(affinity ? { sessionAffinity: affinity } : {}),
      },
    });
  }

  private selectorFor({ object, resource }: ObjectInfo): Record<string, string> {
    const spec = (object['spec'] ?? {}) as { selector?: Record<string, unknown> };
    switch (object.kind) {
      case 'Pod':
        if (!Object.keys(object.metadata.labels ?? {}).length) throw new CommandError('the pod has no labels and cannot be exposed');
        return object.metadata.labels ?? {};
      case 'Service':
      case 'ReplicationController':
        return (spec.selector ?? {}) as Record<string, string>;
      case 'Deployment':
      case 'ReplicaSet':
        if ((spec.selector?.['matchExpressions'] as unknown[] | undefined)?.length)
          throw new CommandError("couldn't convert expressions to a map-based selector: give --selector");
        return (spec.selector?.['matchLabels'] ?? {}) as Record<string, string>;
      default:
        throw new CommandError(`cannot expose a ${resource.kind}${resource.group ? `.${resource.group}` : ''}`);
    }
  }

  private portsFor({ object }: ObjectInfo): ServicePort[] {
    const { port, 'target-port': target, protocol, 'node-port': nodePort } = this.flags;
    if (port !== undefined) {
      const numbers = port.split(',');
      return numbers.map((text) => {
        if (!/^\d+$/.test(text)) throw new CommandError(`invalid port ${JSON.stringify(text)}`);
        return {
          ...(numbers.length > 1 ? { name: `port-${numbers.indexOf(text) + 1}` } : {}),
          port: Number(text),
          protocol,
          targetPort: target ? portOrName(target) : Number(text),
          ...(nodePort ? { nodePort } : {}),
        };
      });
    }
    const own =
      object.kind === 'Service'
        ? (object['spec'] as { ports?: { port: number; protocol?: string }[] }).ports?.map((each) => ({
            containerPort: each.port,
            protocol: each.protocol,
          }))
        : podSpecPath(object)
          ? podSpecOf(object).containers.flatMap((container) => container.ports ?? [])
          : [];
    if (!own?.length) throw new CommandError("couldn't find port via --port flag or introspection");
    return own.map((each, index) => ({
      ...(own.length > 1 ? { name: `port-${index + 1}` } : {}),
      port: each.containerPort,
      protocol: each.protocol ?? protocol,
      targetPort: target ? portOrName(target) : each.containerPort,
      ...(nodePort ? { nodePort } : {}),
    }));
  }
}
