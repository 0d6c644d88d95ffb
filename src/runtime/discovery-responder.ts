import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import type { Component } from '../base/async/component.ts';
import type { Logger } from '../base/log/logger.ts';
import { clusterIds, DISCOVERY_GROUP, DISCOVERY_PORT, decodeQuery, encodeAnswer } from '../client/discovery/discovery-messages.ts';

export interface DiscoveryResponderOptions {
  trustPem: () => string;
  /** `https://10.1.2.3:6443` */
  servers: () => readonly string[];
  log: Logger;
}

/** Devices come and go; the group is joined on each that is there. */
const JOIN_MS = 5000;
const MOST_ANSWERS_A_SECOND = 50;

/**
 * Answers agents and clients that have lost the API server where it is now. The answer is a hint: they check by TLS what they find there. A server that
 * cannot listen (the port is taken) serves all the same.
 */
export class DiscoveryResponder implements Component {
  readonly name = 'discovery';
  readonly #options: DiscoveryResponderOptions;
  readonly #joined = new Set<string>();
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #second = 0;
  #answered = 0;

  constructor(options: DiscoveryResponderOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    this.#socket = socket;
    socket.on('error', (error) => {
      this.#options.log.warn('questions about API servers are not answered', { error });
      void this.stop();
    });
    socket.on('message', (bytes, sender) => this.#answer(bytes, sender));
    socket.bind(DISCOVERY_PORT, () => this.#join());
    socket.unref();
    this.#timer = setInterval(() => this.#join(), JOIN_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    try {
      socket?.close();
    } catch {
      // It failed before, and is closed.
    }
  }

  #answer(bytes: Buffer, sender: RemoteInfo): void {
    const query = decodeQuery(bytes);
    if (!query || !this.#mayAnswer()) return;
    const cluster = clusterIds(this.#options.trustPem()).find((id) => query.clusters.includes(id));
    const answer = cluster && encodeAnswer({ cluster, nonce: query.nonce, servers: this.#options.servers() });
    if (answer) this.#socket?.send(answer, sender.port, sender.address, () => {});
  }

  #mayAnswer(): boolean {
    const second = Math.floor(Date.now() / 1000);
    if (second !== this.#second) this.#answered = 0;
    this.#second = second;
    this.#answered += 1;
    return this.#answered <= MOST_ANSWERS_A_SECOND;
  }

  #join(): void {
    const addresses = Object.values(networkInterfaces())
      .flatMap((found) => found ?? [])
      .filter(({ family, internal, netmask }) => family === 'IPv4' && !internal && netmask !== '255.255.255.255')
      .map(({ address }) => address);
    for (const gone of [...this.#joined].filter((address) => !addresses.includes(address))) this.#joined.delete(gone);
    for (const address of addresses) {
      if (this.#joined.has(address)) continue;
      try {
        this.#socket?.addMembership(DISCOVERY_GROUP, address);
        this.#joined.add(address);
      } catch {
        // The device has gone in this moment, or is in the group by another address of its own.
        this.#joined.add(address);
      }
    }
  }
}
