import type { KubeObject } from '../../api/meta/object.ts';
import { CommandError } from '../errors.ts';

/** The objects that `run`, `create` and `expose` make from flags, shaped as kubectl makes them. Pure. */

export const deploymentOf = (options: {
  name: string;
  images: readonly string[];
  replicas: number;
  port?: number | undefined;
  command?: readonly string[];
  labels?: Readonly<Record<string, string>>;
  container?: (container: Record<string, unknown>) => Record<string, unknown>;
}): KubeObject => {
  const { name, images, replicas, port, command = [], labels = { app: name }, container = (same) => same } = options;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      strategy: {},
      template: {
        metadata: { labels },
        spec: {
          containers: images.map((image) =>
            container({
              name: images.length === 1 && options.container ? name : imageBaseName(image),
              image,
              resources: {},
              ...(command.length ? { command } : {}),
              ...(port === undefined ? {} : { ports: [{ containerPort: port }] }),
            }),
          ),
        },
      },
    },
    status: {},
  };
};

/** `registry:5000/shop/web:1.2@sha256:..` -> `web`. */
export const imageBaseName = (image: string): string => {
  const last = image.split('/').at(-1) as string;
  return (last.split(/[:@]/)[0] as string).replaceAll('_', '-').toLowerCase();
};

export interface ServicePort {
  name?: string;
  port: number;
  protocol: string;
  targetPort?: number | string;
  nodePort?: number;
}

export const serviceOf = (options: {
  name: string;
  type: string;
  selector: Readonly<Record<string, string>>;
  labels?: Readonly<Record<string, string>> | undefined;
  ports: readonly ServicePort[];
  extra?: Readonly<Record<string, unknown>>;
}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: options.name, ...(options.labels && Object.keys(options.labels).length ? { labels: options.labels } : {}) },
  spec: {
    ...(options.ports.length ? { ports: options.ports } : {}),
    selector: options.selector,
    ...(options.type && options.type !== 'ClusterIP' ? { type: options.type } : {}),
    ...options.extra,
  },
  status: { loadBalancer: {} },
});

export const portOrName = (text: string): number | string => (/^\d+$/.test(text) ? Number(text) : text);

/** `80:8080` or `80` of `create service`. */
export const tcpPorts = (specs: readonly string[]): ServicePort[] =>
  specs.map((spec) => {
    const [port = '', target] = spec.split(':');
    if (!/^\d+$/.test(port) || Number(port) < 1 || Number(port) > 65535) throw new CommandError(`invalid port ${JSON.stringify(spec)}`);
    return { name: spec.replace(':', '-'), port: Number(port), protocol: 'TCP', targetPort: target ? portOrName(target) : Number(port) };
  });
