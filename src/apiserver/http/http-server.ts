import { createServer as createHttp1Server, type Server as Http1Server, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import { Http2Connection, type Http2Limits } from '../../base/http2/http2-connection.ts';
import type { Logger } from '../../base/log/logger.ts';
import type { Exchange, UpgradeExchange } from './exchange.ts';
import { Http1Exchange } from './http1-exchange.ts';
import { Http2Exchange } from './http2-exchange.ts';

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

const LIMITS: Http2Limits = {
  concurrentStreams: 1000,
  headerBytes: 64 * 1024,
  streamWindow: 1024 * 1024,
  connectionWindow: 16 * 1024 * 1024,
  resetBurst: 1000,
  resetsPerSecond: 100,
};

/** A command for exec stands in its URL: as much as Go's servers take, where Node's own bound is 16 KiB. */
const HTTP1_HEADER_BYTES = 1024 * 1024;

/** HTTP/2 and HTTP/1.1 with TLS on one port. Client certificates are asked for but not demanded: tokens must work without. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: TlsServer;
  /** Gets its connections from the other. */
  readonly #http1: Http1Server;
  readonly #connections = new Set<Http2Connection>();
  readonly #sockets = new Set<Duplex>();
  #isClosing = false;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#server = createTlsServer({
      ALPNProtocols: ['h2', 'http/1.1'],
      cert: options.certPem,
      key: options.keyPem,
      ca: options.clientCaPem,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      noDelay: true,
    });
    this.#http1 = createHttp1Server({ maxHeaderSize: HTTP1_HEADER_BYTES }, (request, response) => {
      // Connections that became idle before are closed with the server.
      response.once('finish', () => this.#isClosing && request.socket.end());
      this.#options.handle(new Http1Exchange(request, response));
    });
    this.#http1.setTimeout(0);
    // It never listens itself; this begins its watch over connections: slow heads end after a minute, idle ones when the server stops.
    this.#http1.emit('listening');
    this.#attach();
  }

  #attach(): void {
    const { log } = this.#options;
    this.#http1.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgrade(request, socket as TLSSocket, head),
    );
    this.#server.on('secureConnection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {
        // The client went away; what it had asked for ends by 'close'.
      });
      if (socket.alpnProtocol === 'h2') this.#begin(socket);
      else this.#http1.emit('connection', socket);
    });
    this.#server.on('tlsClientError', (error) => log.debug('tls handshake failed', { error: error.message }));
  }

  #begin(socket: TLSSocket): void {
    const { handle, log } = this.#options;
    const connection = new Http2Connection(socket, {
      limits: LIMITS,
      handlers: {
        request: (stream) => handle(new Http2Exchange(stream, socket)),
        failed: (error) => log.debug('http2 connection failed', { code: error.code, error: error.message }),
        closed: () => this.#connections.delete(connection),
      },
    });
    this.#connections.add(connection);
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
    this.#isClosing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of [...this.#connections]) connection.close();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    this.#http1.close();
    await closed;
    clearTimeout(timer);
  }
}
