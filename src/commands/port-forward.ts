import type { Socket } from 'node:net';
import type { KubeObject } from '../api/meta/object.ts';
import { SlipwayError } from '../base/errors/slipway-error.ts';
import { durationMs } from '../cli/args/duration.ts';
import { type Flags, listFlag, textFlag } from '../cli/args/flags.ts';
import { CommandError, UsageError } from '../cli/errors.ts';
import { fetchObjects } from '../cli/kube/fetch.ts';
import { type PortPair, parsePortPairs, servicePortToPod } from '../cli/kube/forwarded-ports.ts';
import { runningPodOf } from '../cli/kube/pods-of.ts';
import { carryConnection, listen, openTunnel } from '../cli/kube/port-tunnel.ts';
import { parseTargets } from '../cli/kube/targets.ts';
import { KubeCommand } from '../cli/kube-command.ts';

const flags = {
  address: listFlag('Addresses to listen on; default localhost'),
  'pod-running-timeout': textFlag('How long to wait for a running pod', { default: '1m0s' }),
} as const satisfies Flags;

export default class PortForward extends KubeCommand<typeof flags> {
  static override summary = 'Forward local ports to a pod';
  static override usage = '(POD | TYPE/NAME) [LOCAL:]REMOTE... [flags]';
  static override examples = [
    'slipway port-forward deployment/web 9090:8080',
    'slipway port-forward service/web 8080:80',
    'slipway port-forward web :8080',
  ];
  static override flags = flags;

  async run(): Promise<number> {
    const [word, ...specs] = this.args;
    if (word === undefined || !specs.length) throw new UsageError('TYPE/NAME and list of ports are required for port-forward');
    const session = await this.session();
    const pod = await runningPodOf(session, word, { timeoutMs: durationMs(this.flags['pod-running-timeout']), signal: this.signal });
    if (pod.status?.phase !== 'Running')
      throw new CommandError(`unable to forward port because pod is not running. Current status=${pod.status?.phase}`);
    const owner = await this.ownerOf(word);
    const pairs = parsePortPairs(specs, (name) => servicePortToPod(name, owner, pod));
    // Opened first: what cannot be reached is told before anything listens.
    let tunnel = openTunnel(session, pod);
    let failed = false;
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    (await tunnel).closed.then(() => {
      failed = !this.signal.aborted;
      end();
    });
    let id = 0;
    const accept = (pair: PortPair) => (socket: Socket) => {
      this.io.out(`Handling connection for ${pair.local}\n`);
      id += 1;
      const onError = (message: string): void => {
        this.io.err(`error forwarding port ${pair.remote} to pod ${pod.metadata.name}: ${message}\n`);
      };
      tunnel
        .then((open) => carryConnection(open, socket, { port: pair.remote, id, onError }))
        .catch((error: Error) => {
          onError(error.message);
          socket.destroy();
        });
    };
    const servers = await this.listenOn(pairs, accept);
    await Promise.race([ended, new Promise((resolve) => this.signal.addEventListener('abort', resolve, { once: true }))]);
    for (const server of servers) server.close();
    (await tunnel).close();
    tunnel = Promise.reject(new Error('closed'));
    tunnel.catch(() => undefined);
    if (failed) throw new CommandError('lost connection to pod');
    return 0;
  }

  private async ownerOf(word: string): Promise<KubeObject | undefined> {
    if (!/^(svc|services?)\//.test(word)) return undefined;
    const session = await this.session();
    const [ref] = await parseTargets([word], session.resources);
    return ref ? (await fetchObjects(session, ref))[0] : undefined;
  }

  private async listenOn(pairs: PortPair[], accept: (pair: PortPair) => (socket: Socket) => void) {
    const servers: Awaited<ReturnType<typeof listen>>[] = [];
    const addresses = (this.flags.address.length ? this.flags.address : ['localhost']).flatMap((address) =>
      address === 'localhost' ? ['127.0.0.1', '::1'] : [address],
    );
    for (const pair of pairs) {
      let failure: Error | undefined;
      let listening = 0;
      for (const address of addresses) {
        try {
          const server = await listen(address, pair.local, accept(pair));
          const bound = server.address();
          if (typeof bound === 'object' && bound) pair.local = bound.port;
          servers.push(server);
          listening += 1;
          this.io.out(`Forwarding from ${address.includes(':') ? `[${address}]` : address}:${pair.local} -> ${pair.remote}\n`);
        } catch (error) {
          failure = error as Error;
        }
      }
      // One of the two addresses of localhost is enough: many machines have no IPv6.
      if (!listening)
        throw new SlipwayError('ADDRESS_IN_USE', {
          tried: `listen on port ${pair.local}`,
          cause: failure,
          advice: [`slipway port-forward ${this.args[0]} :${pair.remote}`],
        });
    }
    return servers;
  }
}
