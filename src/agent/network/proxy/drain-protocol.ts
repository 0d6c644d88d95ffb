import http from 'node:http';
import { connect } from 'node:net';
import type { Component } from '../../../base/async/component.ts';
import type { Logger } from '../../../base/log/logger.ts';

/** Every node's proxy answers here, as kube-proxy does with its health. */
export const PROXY_PORT = 10_256;

/** Questions that wait at one time; more are refused, which a caller takes for "not yet". */
const MAX_WAITING = 1_024;
const LONGEST_WAIT_MS = 10_000;

/**
 * `GET /healthz` and `GET /programmed?revision=R&waitMs=W`: 200 as soon as the rules of this node hold all changes of
 * EndpointSlices up to revision R, 504 when W milliseconds have passed. It tells nothing that is worth protecting, so that nodes
 * may ask each other without certificates, and load balancers their health checks.
 */
export class ProxyStatusServer implements Component {
  readonly name = 'proxy-status';
  readonly #options: { address: string; port?: number; log: Logger };
  readonly #server: http.Server;
  readonly #waiting = new Set<{ revision: bigint; done: (reached: boolean) => void }>();
  #revision = 0n;

  constructor(options: { address: string; port?: number; log: Logger }) {
    this.#options = options;
    this.#server = http.createServer((request, response) => this.#answer(request, response));
    this.#server.keepAliveTimeout = 60_000;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  async start(): Promise<void> {
    const { address, port = PROXY_PORT } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, address, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => this.#options.log.warn('proxy status server', { error }));
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    for (const waiting of this.#waiting) waiting.done(false);
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  /** The rules now hold all changes up to this revision. */
  reached(revision: bigint): void {
    if (revision <= this.#revision) return;
    this.#revision = revision;
    for (const waiting of this.#waiting) if (waiting.revision <= revision) waiting.done(true);
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const url = URL.parse(request.url ?? '/', 'http://proxy') ?? new URL('http://proxy/');
    const end = (status: number, text: string): void => {
      response.writeHead(status, { 'content-type': 'text/plain' }).end(text);
    };
    const revision = url.searchParams.get('revision') ?? '';
    if (url.pathname === '/healthz' || url.pathname === '/livez') end(200, 'ok');
    else if (url.pathname !== '/programmed' || !/^\d{1,20}$/.test(revision)) end(404, 'not found');
    else if (BigInt(revision) <= this.#revision) end(200, 'yes');
    else if (this.#waiting.size >= MAX_WAITING) end(503, 'too many wait');
    else this.#wait(url, BigInt(revision), response, end);
  }

  #wait(url: URL, revision: bigint, response: http.ServerResponse, end: (status: number, text: string) => void): void {
    const waitMs = Math.min(Number(url.searchParams.get('waitMs') ?? 0) || 0, LONGEST_WAIT_MS);
    const timer = setTimeout(() => entry.done(false), waitMs);
    const entry = {
      revision,
      done: (reached: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(entry);
        end(reached ? 200 : 504, reached ? 'yes' : 'not yet');
      },
    };
    this.#waiting.add(entry);
    response.on('close', () => {
      clearTimeout(timer);
      this.#waiting.delete(entry);
    });
  }
}

export type AskPeer = (peer: { address: string; port: number }, revision: bigint, signal: AbortSignal, waitMs: number) => Promise<boolean>;

const CONNECT_MS = 1_000;

/** Whether a node takes a new connection at all. An agent that gets no turn does so through its kernel; a dead node does not. */
export const reachesPeer = (peer: { address: string; port: number }): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: peer.address, port: peer.port, timeout: CONNECT_MS });
    const end = (reached: boolean) => (): void => {
      socket.destroy();
      resolve(reached);
    };
    socket.once('connect', end(true));
    socket.once('error', end(false));
    socket.once('timeout', end(false));
  });

/** Connections to peers are kept open between questions. */
export const createAskPeer = (): { ask: AskPeer; close: () => void } => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4, timeout: 60_000 });
  const ask: AskPeer = (peer, revision, signal, waitMs) =>
    new Promise((resolve, reject) => {
      const request = http.get(
        { agent, host: peer.address, port: peer.port, path: `/programmed?revision=${revision}&waitMs=${Math.ceil(waitMs)}`, signal },
        (response) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode === 200));
          response.on('error', reject);
        },
      );
      request.on('error', reject);
    });
  return { ask, close: () => agent.destroy() };
};
