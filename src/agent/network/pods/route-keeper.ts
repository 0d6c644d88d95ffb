import { type Overlay, ROUTE_PROTOCOL, VXLAN_DEVICE } from '../../../api/config/agent-config.ts';
import type { Logger } from '../../../base/log/logger.ts';
import type { RunTool } from '../run-tool.ts';
import { macOf, type Peer, peerLines, removalLines, vxlanDeviceLines } from './pod-routes.ts';

const RETRY_MS = 2_000;

/** Keeps the routes to the pods of other nodes equal to the peers it is told of. Changes collect while `ip` runs. */
export class RouteKeeper {
  readonly #options: { overlay: Overlay; run: RunTool; log: Logger };
  readonly #peers = new Map<string, Peer>();
  /** What is in force, by pod range. */
  readonly #installed = new Map<string, Peer>();
  #own: Peer | undefined;
  #deviceReady = false;
  #running: Promise<void> | undefined;
  #again = false;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: { overlay: Overlay; run: RunTool; log: Logger }) {
    this.#options = options;
  }

  /** This node itself: nothing is installed before it is known. */
  setOwn(own: Peer): void {
    if (same(this.#own, own)) return;
    this.#own = own;
    this.#deviceReady = false;
    this.#touch();
  }

  setPeer(name: string, peer: Peer | undefined): void {
    if (same(this.#peers.get(name), peer)) return;
    if (peer) this.#peers.set(name, peer);
    else this.#peers.delete(name);
    this.#touch();
  }

  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    await this.#running;
  }

  #touch(): void {
    if (!this.#own || this.#stopped) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#again = false;
    this.#running = new Promise<void>((resolve) => setImmediate(resolve))
      .then(() => this.#apply())
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#running = undefined;
        if (this.#again) this.#touch();
      });
  }

  #failed(error: unknown): void {
    this.#options.log.error('pod routes could not be changed', { overlay: this.#options.overlay, error });
    // What is in force is unknown now: the next attempt asks the kernel.
    this.#deviceReady = false;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#touch(), RETRY_MS);
  }

  async #apply(): Promise<void> {
    const { overlay } = this.#options;
    const own = this.#own;
    if (!own) return;
    if (!this.#deviceReady) await this.#prepare(own);
    const peers = overlay === 'cloud' ? [] : [...this.#peers.values()].filter((peer) => peer.podCidr !== own.podCidr);
    const wanted = new Map(peers.map((peer) => [peer.podCidr, peer]));
    const lines = { ip: [] as string[], bridge: [] as string[] };
    for (const [podCidr, peer] of this.#installed)
      if (!wanted.has(podCidr)) {
        const removal = removalLines(podCidr, peer.address ? peer : undefined, overlay);
        lines.ip.push(...removal.ip);
        lines.bridge.push(...removal.bridge);
        this.#installed.delete(podCidr);
      }
    // Removals may find nothing left to remove; -force goes on, and what is wanted is checked below by its own batch.
    await this.#batch('ip', lines.ip, { force: true });
    await this.#batch('bridge', lines.bridge, { force: true });
    const added = [...wanted.values()].filter((peer) => !same(this.#installed.get(peer.podCidr), peer));
    const additions = overlay === 'cloud' ? [] : added.map((peer) => peerLines(peer, overlay));
    await this.#batch(
      'bridge',
      additions.flatMap((addition) => addition.bridge),
      { force: false },
    );
    await this.#batch(
      'ip',
      additions.flatMap((addition) => addition.ip),
      { force: false },
    );
    for (const peer of added) this.#installed.set(peer.podCidr, peer);
  }

  /** Finds what an earlier agent has left, and makes the tunnel device where one is used. */
  async #prepare(own: Peer): Promise<void> {
    const { overlay, run } = this.#options;
    if (overlay === 'vxlan') {
      const links = JSON.parse(await run('ip', ['-d', '-j', 'address', 'show'])) as IpLink[];
      const under = links.find((link) => link.addr_info?.some((address) => address.local === own.address));
      if (!under) throw new Error(`no interface has the node's address ${own.address}`);
      const there = links.find((link) => link.ifname === VXLAN_DEVICE);
      // One that was made for another address of this node, which peers would not know, or by a version that set checksums.
      const isStale = there !== undefined && (there.address !== macOf(own.address) || there.linkinfo?.info_data?.udp_csum === true);
      const lines = vxlanDeviceLines(own, { device: under.ifname, mtu: under.mtu });
      await this.#batch('ip', isStale ? [`link delete ${VXLAN_DEVICE}`, ...lines] : lines.slice(there ? 1 : 0), { force: false });
    }
    const routes = JSON.parse((await run('ip', ['-j', 'route', 'show', 'proto', String(ROUTE_PROTOCOL)])) || '[]') as { dst: string }[];
    this.#installed.clear();
    // Their next hop is not compared: an empty address makes each of them be replaced once.
    for (const route of routes) this.#installed.set(route.dst, { name: '', address: '', podCidr: route.dst });
    this.#deviceReady = true;
  }

  async #batch(program: 'ip' | 'bridge', lines: readonly string[], options: { force: boolean }): Promise<void> {
    if (lines.length === 0) return;
    const attempt = this.#options.run(program, [...(options.force ? ['-force'] : []), '-batch', '-'], `${lines.join('\n')}\n`);
    await (options.force
      ? attempt.catch((error: unknown) => this.#options.log.debug('some pod routes were gone already', { error }))
      : attempt);
  }
}

interface IpLink {
  ifname: string;
  /** Of the hardware. */
  address?: string;
  mtu: number;
  addr_info?: { local?: string }[];
  linkinfo?: { info_data?: { udp_csum?: boolean } };
}

const same = (a: Peer | undefined, b: Peer | undefined): boolean => a?.address === b?.address && a?.podCidr === b?.podCidr;
