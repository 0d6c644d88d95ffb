import { pathOf } from '../api/meta/object.ts';
import { durationMs } from '../cli/args/duration.ts';
import { booleanFlag, type Flags, integerFlag, textFlag } from '../cli/args/flags.ts';
import { UsageError } from '../cli/errors.ts';
import { fetchObjects } from '../cli/kube/fetch.ts';
import { defaultContainer, type Pod, podsOf } from '../cli/kube/pods-of.ts';
import { builtinResource } from '../cli/kube/resource-catalog.ts';
import { KubeCommand } from '../cli/kube-command.ts';

const flags = {
  follow: booleanFlag('Go on as lines come', { char: 'f' }),
  previous: booleanFlag('Of the container before the last restart', { char: 'p' }),
  container: textFlag('Which container', { char: 'c' }),
  'all-containers': booleanFlag('Of all containers'),
  'all-pods': booleanFlag('Of all pods of the workload'),
  selector: textFlag('Of the pods with these labels', { char: 'l' }),
  since: textFlag('Only newer than this: 5s, 2m, 3h', { default: '0s' }),
  'since-time': textFlag('Only after this time, RFC 3339'),
  tail: integerFlag('How many lines from the end; -1 for all', { default: -1 }),
  timestamps: booleanFlag('With times'),
  'limit-bytes': integerFlag('At most as many bytes', { default: 0 }),
  prefix: booleanFlag('Say before every line which container it is from'),
  'ignore-errors': booleanFlag('Go on when one of several fails'),
  'max-log-requests': integerFlag('How many may be followed at once', { default: 5 }),
  'pod-running-timeout': textFlag('Accepted for compatibility', { default: '20s', hidden: true }),
  'insecure-skip-tls-verify-backend': booleanFlag('Accepted for compatibility', { hidden: true }),
} as const satisfies Flags;

export default class Logs extends KubeCommand<typeof flags> {
  static override summary = 'Show what containers print';
  static override usage = '(POD | TYPE/NAME) [-f] [-p] [-c CONTAINER] [flags]';
  static override examples = [
    'slipway logs web',
    'slipway logs -f deployment/web',
    'slipway logs -l app=web --all-containers --prefix --tail=20',
  ];
  static override flags = flags;

  async run(): Promise<void> {
    const session = await this.session();
    const word = this.args[0];
    if (word === undefined && !this.flags.selector) throw new UsageError("expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'");
    if (word !== undefined && this.flags.selector) throw new UsageError('only a selector (-l) or a POD name is allowed');
    let pods: Pod[];
    if (this.flags.selector)
      pods = (await fetchObjects(session, { resource: builtinResource('pods') }, { labelSelector: this.flags.selector })) as Pod[];
    else {
      const found = await podsOf(session, word as string);
      pods = found.pods.length > 1 && !this.flags['all-pods'] ? found.pods.slice(0, 1) : found.pods;
      if (found.pods.length > 1 && !this.flags['all-pods'])
        this.io.err(`Found ${found.pods.length} pods, using pod/${pods[0]?.metadata.name}\n`);
    }
    if (!pods.length) this.io.err(`No resources found in ${session.namespace} namespace.\n`);
    const sources = pods.flatMap((pod) => this.containersOf(pod).map((container) => ({ pod, container })));
    if (this.flags.follow && sources.length > this.flags['max-log-requests'])
      throw new UsageError(
        `you are attempting to follow ${sources.length} log streams, but maximum allowed concurrency is ${this.flags['max-log-requests']}, use --max-log-requests to increase the limit`,
      );
    const show = ({ pod, container }: (typeof sources)[number]): Promise<void> =>
      this.copy(pod, container).catch((error: unknown) => {
        if (!this.flags['ignore-errors']) throw error;
        this.io.err(`error: ${(error as Error).message}\n`);
      });
    if (this.flags.follow && sources.length > 1) await Promise.all(sources.map(show));
    else for (const source of sources) await show(source);
  }

  private containersOf(pod: Pod): string[] {
    if (this.flags['all-containers']) return [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(({ name }) => name);
    const { name, note } = defaultContainer(pod, this.flags.container ?? (this.args.length > 1 ? this.args[1] : undefined));
    if (note) this.io.err(note);
    return [name];
  }

  private async copy(pod: Pod, container: string): Promise<void> {
    const session = await this.session();
    const since = durationMs(this.flags.since);
    // Of many pods only the end is shown where nothing else is asked, as kubectl does.
    const tail = this.flags.tail >= 0 ? this.flags.tail : this.flags.selector && !this.given.has('tail') ? 10 : undefined;
    const stream = await session.transport.stream({
      method: 'GET',
      path: pathOf(builtinResource('pods'), { namespace: pod.metadata.namespace, name: pod.metadata.name, subresource: 'log' }),
      query: {
        container,
        follow: this.flags.follow ? 'true' : undefined,
        previous: this.flags.previous ? 'true' : undefined,
        timestamps: this.flags.timestamps ? 'true' : undefined,
        sinceSeconds: since > 0 ? String(Math.ceil(since / 1000)) : undefined,
        sinceTime: this.flags['since-time'],
        tailLines: tail === undefined ? undefined : String(tail),
        limitBytes: this.flags['limit-bytes'] > 0 ? String(this.flags['limit-bytes']) : undefined,
      },
      accept: '*/*',
      signal: this.signal,
    });
    const prefix = this.flags.prefix ? `[pod/${pod.metadata.name}/${container}] ` : '';
    if (!prefix) {
      for await (const chunk of stream) await this.write(chunk as Buffer);
      return;
    }
    let rest = '';
    for await (const chunk of stream.setEncoding('utf8')) {
      const lines = (rest + (chunk as string)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) await this.write(`${prefix}${line}\n`);
    }
    if (rest) await this.write(`${prefix}${rest}\n`);
  }

  /** Waits for a slow reader, so that a long log does not pile up in memory. */
  private async write(text: string | Uint8Array): Promise<void> {
    if (!this.io.stdout.write(text)) await new Promise((resolve) => this.io.stdout.once('drain', resolve));
  }
}
