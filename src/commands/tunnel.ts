import { type Flags, integerFlag } from '../cli/args/flags.ts';
import { BaseCommand, OUTPUT_FLAG } from '../cli/base-command.ts';
import { UsageError } from '../cli/errors.ts';

const flags = {
  port: integerFlag("Port to listen on, which the cluster's kubeconfig then names; 0 takes a free one and leaves the kubeconfig as it is"),
  output: OUTPUT_FLAG,
} as const satisfies Flags;

export default class Tunnel extends BaseCommand<typeof flags> {
  static override summary = 'Reach a cluster behind other hosts with kubectl and helm: its API at a port of this computer';
  static override usage = '[NAME] [flags]';
  static override description =
    'For clusters whose hosts are reached by --jump-host: carries connections to a port of 127.0.0.1 over SSH to the API, until Ctrl-C. TLS stays between the client and the API. ' +
    'A connection to a host that broke is opened again by the next request. Commands of slipway itself need no tunnel: each opens its own while none is there.';
  static override examples = ['slipway tunnel lab', 'slipway tunnel lab --port 16443'];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ max: 1 }, 'name of a cluster');
    const { port, output } = this.flags;
    if (port !== undefined && (port < 0 || port > 65_535)) throw new UsageError(`--port is ${port}: it may be from 0 to 65535`);
    const [{ serveTunnel }, { chooseCluster }] = await Promise.all([
      import('../provision/serve-tunnel.ts'),
      import('../provision/state/choose-cluster.ts'),
    ]);
    const name = await chooseCluster(this.args[0]);
    const { server, through, context, close } = await serveTunnel(name, { port, signal: this.signal, onFailure: this.teller() });
    this.io.out(
      output === 'json'
        ? `${JSON.stringify({ cluster: name, server, through, context })}\n`
        : `The API of ${name} is at ${server}, by way of ${through.join(', ')}${context ? `; kubeconfig context ${context}` : ''}. Ctrl-C ends it.\n`,
    );
    await new Promise<void>((resolve) => {
      if (this.signal.aborted) resolve();
      this.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await close();
  }

  /** Programs try again at once: the same reason is told again only after a while. */
  private teller(): (error: Error) => void {
    let told = { message: '', at: 0 };
    return ({ message }) => {
      if (message === told.message && Date.now() - told.at < AGAIN_MS) return;
      told = { message, at: Date.now() };
      this.io.err(`slipway: ${message}\n`);
    };
  }
}

const AGAIN_MS = 10_000;
