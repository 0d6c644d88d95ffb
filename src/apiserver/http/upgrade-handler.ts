import type { IncomingHttpHeaders } from 'node:http2';
import type { Readable, Writable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { badRequest } from '../../api/meta/status.ts';
import type { Logger } from '../../base/log/logger.ts';
import type { AgentProxy } from '../subresources/agent-proxy.ts';
import { type BodySink, type Exchange, type Headers, refuseUpgrade, type UpgradeExchange } from './exchange.ts';
import { contextOf, type RequestHandler } from './request-handler.ts';
import { statusOf } from './respond.ts';

interface Parts {
  readonly handler: RequestHandler;
  readonly proxy: AgentProxy;
  readonly log: Logger;
}

const MAX_LISTENERS = 30;

/** Requests that want another protocol on their connection: exec, attach, port-forward and proxies. They pass the same stages. */
export class UpgradeHandler {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async handle(upgrade: UpgradeExchange): Promise<void> {
    // Stages, proxy and pipe each want to know of its end; Node takes more than ten for a leak.
    upgrade.socket.setMaxListeners(MAX_LISTENERS);
    const exchange = new SocketExchange(upgrade);
    const context = contextOf(exchange);
    try {
      await this.#parts.handler.admit(context);
      context.leave();
      const { info } = context;
      const kind = info.isResource ? this.#parts.handler.kindOf(info) : undefined;
      const key = kind ? `${kind.group}/${kind.plural}/${info.subresource}` : '';
      if (!this.#parts.proxy.has(key)) throw badRequest('unable to upgrade: this path has no streams');
      if (info.verb === 'get' && CREATES.has(info.subresource)) await this.#parts.handler.mayAlsoCreate(context);
      if (kind) await this.#parts.handler.connect(context, kind);
      await this.#parts.proxy.upgrade(context, key, upgrade);
    } catch (error) {
      const status = statusOf(error);
      this.#parts.log.debug('upgrade refused', { path: context.info.path, message: status.message });
      refuseUpgrade(
        upgrade.socket,
        status.code ?? 500,
        { ...context.headers, 'content-type': 'application/json' },
        Buffer.from(JSON.stringify(status)),
      );
    } finally {
      context.leave();
    }
  }
}

/** Opening these by GET (as WebSockets must) is a creation all the same. */
const CREATES = new Set(['exec', 'attach', 'portforward']);

/** The stages see an upgrade as any other exchange. */
class SocketExchange implements Exchange {
  readonly protocol = 'HTTP/1.1';
  readonly method: string;
  readonly url: string;
  readonly socket: TLSSocket;
  readonly headers: IncomingHttpHeaders;

  constructor(upgrade: UpgradeExchange) {
    this.method = upgrade.method;
    this.url = upgrade.url;
    this.socket = upgrade.socket;
    this.headers = upgrade.headers;
  }

  get started(): boolean {
    return false;
  }
  get closed(): boolean {
    return this.socket.destroyed;
  }
  readBody(): Promise<Buffer> {
    return Promise.resolve(Buffer.alloc(0));
  }
  bodyStream(): Readable {
    return this.socket;
  }
  respond(code: number, headers: Headers, body?: Buffer | string): void {
    refuseUpgrade(this.socket, code, headers, Buffer.from(body ?? ''));
  }
  respondWith(code: number, headers: Headers, pieces: readonly Buffer[]): Promise<void> {
    this.respond(code, headers, Buffer.concat(pieces));
    return Promise.resolve();
  }
  begin(): BodySink {
    const { socket } = this;
    return {
      write: (bytes) => socket.write(bytes),
      onDrain: (callback) => socket.once('drain', callback),
      end: () => socket.end(),
    };
  }
  beginStream(): Writable {
    return this.socket;
  }
  abort(): void {
    this.socket.destroy();
  }
  onClose(callback: () => void): void {
    this.socket.once('close', callback);
  }
}
