import dgram from 'node:dgram';
import net from 'node:net';
import type { Component } from '../../../base/async/component.ts';
import type { Logger } from '../../../base/log/logger.ts';

export type Respond = (message: Buffer, transport: 'udp' | 'tcp') => Promise<Buffer | undefined>;

const MAX_TCP_CLIENTS = 256;
const TCP_IDLE_MS = 10_000;
/** Questions that wait for an upstream server at one time; more are dropped, and clients ask again. */
const MAX_PENDING = 2_000;

/** Answers over UDP and TCP on one address. */
export class DnsServer implements Component {
  readonly name = 'cluster-dns';
  readonly #options: { address: string; port?: number; respond: Respond; log: Logger };
  readonly #sockets = new Set<net.Socket>();
  #udp: dgram.Socket | undefined;
  #tcp: net.Server | undefined;
  #pending = 0;

  constructor(options: { address: string; port?: number; respond: Respond; log: Logger }) {
    this.#options = options;
  }

  /** The port in use: the same for UDP and TCP. */
  get port(): number {
    return this.#udp?.address().port ?? 0;
  }

  async start(): Promise<void> {
    const { address, port = 53, log } = this.#options;
    const udp = dgram.createSocket({ type: 'udp4', recvBufferSize: 1_048_576 });
    this.#udp = udp;
    udp.on('message', (message, from) => this.#answerUdp(udp, message, from));
    await new Promise<void>((resolve, reject) => {
      udp.once('error', reject);
      udp.bind(port, address, () => {
        udp.off('error', reject);
        udp.on('error', (error) => log.warn('cluster DNS over UDP', { error }));
        resolve();
      });
    });
    const tcp = net.createServer((socket) => this.#serveTcp(socket));
    tcp.maxConnections = MAX_TCP_CLIENTS;
    this.#tcp = tcp;
    await new Promise<void>((resolve, reject) => {
      tcp.once('error', reject);
      tcp.listen(udp.address().port, address, () => {
        tcp.off('error', reject);
        tcp.on('error', (error) => log.warn('cluster DNS over TCP', { error }));
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    const udp = this.#udp;
    const tcp = this.#tcp;
    this.#udp = undefined;
    this.#tcp = undefined;
    if (udp) await new Promise<void>((resolve) => udp.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    if (tcp) await new Promise<void>((resolve) => tcp.close(() => resolve()));
  }

  #answerUdp(udp: dgram.Socket, message: Buffer, from: dgram.RemoteInfo): void {
    if (this.#pending >= MAX_PENDING) return;
    this.#pending += 1;
    this.#options
      .respond(message, 'udp')
      .then((response) => {
        if (response && this.#udp === udp) udp.send(response, from.port, from.address);
      })
      .catch((error: unknown) => this.#options.log.warn('a DNS question could not be answered', { error }))
      .finally(() => {
        this.#pending -= 1;
      });
  }

  #serveTcp(socket: net.Socket): void {
    this.#sockets.add(socket);
    let received = Buffer.alloc(0);
    socket.setTimeout(TCP_IDLE_MS, () => socket.destroy());
    // A client that goes away is no news.
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const message = received.subarray(2, 2 + received.readUInt16BE(0));
        received = received.subarray(2 + message.length);
        this.#answerTcp(socket, message);
      }
    });
  }

  #answerTcp(socket: net.Socket, message: Buffer): void {
    this.#options
      .respond(message, 'tcp')
      .then((response) => {
        if (!response || socket.destroyed) return;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(response.length);
        socket.write(Buffer.concat([length, response]));
      })
      .catch((error: unknown) => this.#options.log.warn('a DNS question could not be answered', { error }));
  }
}
