import type { KubeObject } from '../api/meta/object.ts';
import { booleanFlag, type Flags, integerFlag, listFlag, textFlag } from '../cli/args/flags.ts';
import { CommandError, UsageError } from '../cli/errors.ts';
import { deploymentOf, serviceOf } from '../cli/kube/generators.ts';
import { parsePairs } from '../cli/kube/key-value.ts';
import { WRITE_FLAGS } from '../cli/kube/object-flags.ts';
import { builtinResource } from '../cli/kube/resource-catalog.ts';
import { ObjectCommand } from '../cli/object-command.ts';

const flags = {
  ...WRITE_FLAGS,
  image: textFlag('Image of the container'),
  replicas: integerFlag('Make a Deployment of as many replicas instead of a Pod'),
  port: integerFlag('Port that the container listens on'),
  expose: booleanFlag('Make a Service for --port too'),
  env: listFlag('Environment: NAME=VALUE', { splitOnComma: false }),
  labels: listFlag('Labels of the pod: a=1,b=2', { char: 'l' }),
  annotations: listFlag('Annotations of the pod'),
  command: booleanFlag('The words after -- are the command, not its arguments'),
  restart: textFlag('Restart policy', { default: 'Always', options: ['Always', 'OnFailure', 'Never'] }),
  'image-pull-policy': textFlag('Always, IfNotPresent or Never'),
  stdin: booleanFlag('Keep stdin open, and attach to it', { char: 'i' }),
  tty: booleanFlag('Give it a terminal', { char: 't' }),
  attach: booleanFlag('Wait until it runs, then attach'),
  rm: booleanFlag('Delete the pod after an attached run'),
  quiet: booleanFlag('Say nothing but what the container says', { char: 'q' }),
  'pod-running-timeout': textFlag('How long to wait until it runs', { default: '1m0s' }),
  privileged: booleanFlag('Run it privileged'),
} as const satisfies Flags;

export default class Run extends ObjectCommand<typeof flags> {
  static override summary = 'Run an image: a Pod, or with --replicas a Deployment';
  static override usage = 'NAME --image=IMAGE [--replicas=N] [--port=PORT] [flags] [-- ARGS...]';
  static override examples = [
    'slipway run web --image=registry.slipway.local/demo:1 --replicas=3 --port=8080',
    'slipway run shell --image=IMAGE -it --rm --restart=Never -- sh',
  ];
  static override flags = flags;

  async run(): Promise<number | undefined> {
    const { image, replicas, port } = this.flags;
    const name = this.args[0];
    if (!name || this.dashAt === 0) throw new UsageError('NAME is required for run');
    if (!image) throw new UsageError('required flag(s) "image" not set');
    if (/\s/.test(image)) throw new CommandError(`Invalid image name "${image}": invalid reference format`);
    if (this.flags.expose && port === undefined) throw new UsageError('--port must be set when exposing a service');
    if (this.flags.rm && !this.attached) throw new UsageError('--rm should only be used for attached containers');
    if (replicas !== undefined) return this.runDeployment(name, image, replicas);
    const pods = builtinResource('pods');
    const created = await this.create(pods, this.pod(name, image));
    if (this.flags.expose) await this.exposePort(name, this.labels(name));
    if (!this.attached || this.dryRun !== 'none') {
      await this.report(pods, created, 'created');
      return undefined;
    }
    const { runAttached } = await import('../cli/kube/run-attached.ts');
    return runAttached(await this.session(), created, {
      io: this.io,
      signal: this.signal,
      stdin: this.flags.stdin,
      tty: this.flags.tty,
      remove: this.flags.rm,
      quiet: this.flags.quiet,
      timeout: this.flags['pod-running-timeout'],
    });
  }

  private get attached(): boolean {
    return this.flags.attach || this.flags.stdin;
  }

  private labels(name: string): Record<string, string> {
    return this.flags.labels.length ? parsePairs(this.flags.labels, 'labels') : { run: name };
  }

  private container(name: string, image: string): Record<string, unknown> {
    const words = this.args.slice(1);
    return {
      name,
      image,
      resources: {},
      ...(words.length ? { [this.flags.command ? 'command' : 'args']: words } : {}),
      ...(this.flags.env.length
        ? { env: Object.entries(parsePairs(this.flags.env, 'env')).map(([key, value]) => ({ name: key, value })) }
        : {}),
      ...(this.flags.port === undefined ? {} : { ports: [{ containerPort: this.flags.port }] }),
      ...(this.flags['image-pull-policy'] ? { imagePullPolicy: this.flags['image-pull-policy'] } : {}),
      ...(this.flags.privileged ? { securityContext: { privileged: true } } : {}),
      ...(this.flags.stdin ? { stdin: true, stdinOnce: !this.given.has('replicas') } : {}),
      ...(this.flags.tty ? { tty: true } : {}),
    };
  }

  private pod(name: string, image: string): KubeObject {
    const annotations = this.flags.annotations.length ? { annotations: parsePairs(this.flags.annotations, 'annotations') } : {};
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels: this.labels(name), ...annotations },
      spec: { containers: [this.container(name, image)], dnsPolicy: 'ClusterFirst', restartPolicy: this.flags.restart },
      status: {},
    };
  }

  private async runDeployment(name: string, image: string, replicas: number): Promise<undefined> {
    if (this.attached) throw new UsageError('--stdin and --attach work on one Pod: leave --replicas out');
    const labels = this.flags.labels.length ? parsePairs(this.flags.labels, 'labels') : { app: name };
    const object = deploymentOf({ name, images: [image], replicas, labels, container: () => this.container(name, image) });
    const deployments = builtinResource('deployments', 'apps');
    await this.report(deployments, await this.create(deployments, object), 'created');
    if (this.flags.expose) await this.exposePort(name, labels);
    return undefined;
  }

  private async exposePort(name: string, selector: Record<string, string>): Promise<void> {
    const services = builtinResource('services');
    const port = this.flags.port as number;
    const service = serviceOf({ name, type: 'ClusterIP', selector, ports: [{ port, protocol: 'TCP', targetPort: port }] });
    await this.report(services, await this.create(services, service), 'created');
  }
}
