import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Logger } from '../../base/log/logger.ts';
import { type Exchange, Http1Exchange, Http2Exchange, type UpgradeExchange } from './exchange.ts';

export interface HttpServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly certPem: string;
  readonly keyPem: string;
  /** Who signs client certificates. */
  readonly clientCaPem: string;
  readonly handle: (exchange: Exchange) => void;
  readonly upgrade: (exchange: UpgradeExchange) => void;
  readonly log: Logger;
}

/** Upgrades that are answered as such; every other `Upgrade` header is ignored, as HTTP allows. */
const UPGRADES = /^(websocket|spdy\/3\.1)$/i;

/**
 * HTTP/2 and HTTP/1.1 with TLS on one port. Client certificates are asked for but not demanded: tokens must work without. HTTP/2 is
 * written on its streams, without node's compatibility layer.
 */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: Http2SecureServer;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Duplex>();

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#server = createSecureServer({
      allowHTTP1: true,
      cert: options.certPem,
      key: options.keyPem,
      ca: options.clientCaPem,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      // Node answers large lists with ENHANCE_YOUR_CALM below this (megabytes).
      maxSessionMemory: 1000,
      // A client that opens and resets streams in a flood (CVE-2023-44487) is sent away.
      streamResetBurst: 1000,
      streamResetRate: 100,
      settings: { maxConcurrentStreams: 1000, initialWindowSize: 1024 * 1024, maxHeaderListSize: 64 * 1024 },
    });
    this.#attach();
  }

  #attach(): void {
    const server = this.#server;
    const { handle, log } = this.#options;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => handle(new Http1Exchange(request, response)));
    // Listening for 'request' has made node wrap every HTTP/2 stream for it; our own listener replaces that.
    server.removeAllListeners('stream');
    server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => handle(new Http2Exchange(stream, headers)));
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket as TLSSocket, head));
    server.on('session', (session: ServerHttp2Session) => {
      this.#sessions.add(session);
      session.setLocalWindowSize(16 * 1024 * 1024);
      session.on('error', (error) => log.debug('http2 session failed', { error }));
      session.once('close', () => this.#sessions.delete(session));
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {
        // The client went away; what it had asked for ends by 'close'.
      });
    });
    server.on('tlsClientError', (error) => log.debug('tls handshake failed', { error: (error as Error).message }));
    server.on('sessionError', (error) => log.debug('http2 session failed', { error }));
    server.setTimeout(0);
  }

  #upgrade(request: IncomingMessage, socket: TLSSocket, head: Buffer): void {
    if (!UPGRADES.test(request.headers.upgrade ?? '')) {
      // Node has given the socket away already: it cannot be answered as a normal request, and no client of ours asks this.
      socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    socket.on('error', () => {
      // As above.
    });
    this.#options.upgrade({ method: request.method ?? 'GET', url: request.url ?? '/', headers: request.headers, socket, head });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#options.port, this.#options.host, () => {
        this.#server.removeListener('error', reject);
        resolve();
      });
    });
  }

  /** New certificate and authorities for connections from now on. */
  renew(credentials: { certPem: string; keyPem: string; clientCaPem: string }): void {
    this.#server.setSecureContext({ cert: credentials.certPem, key: credentials.keyPem, ca: credentials.clientCaPem });
  }

  /** Ends what is idle at once and the rest after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const session of this.#sessions) session.close();
    const timer = setTimeout(() => {
      for (const session of this.#sessions) session.destroy();
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    await closed;
    clearTimeout(timer);
  }
}
