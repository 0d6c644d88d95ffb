import { randomInt } from 'node:crypto';
import dgram from 'node:dgram';
import net from 'node:net';
import dnsPacket, { type DecodedPacket } from 'dns-packet';

export interface UpstreamOptions {
  /** `10.1.1.1` or `10.1.1.1:5353`, tried in turn. */
  servers: readonly string[];
  now: () => number;
}

/** What an upstream server said; kept for as long as its records allow. */
export interface UpstreamAnswer {
  rcode: string;
  answers: NonNullable<DecodedPacket['answers']>;
  authorities: NonNullable<DecodedPacket['authorities']>;
}

const MAX_CACHED = 10_000;
const MAX_IN_FLIGHT = 1_000;
const MAX_TTL_MS = 30_000;
const NEGATIVE_TTL_MS = 5_000;
const TIMEOUT_MS = 2_000;
const UDP_SIZE = 1_232;
/** Response codes by number, as dns-packet names them. */
const RCODE_MASK = 0xf;
const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

/** Asks servers outside the cluster. One question in flight per name and type, whoever asks; answers are remembered. */
export class Upstream {
  readonly #options: UpstreamOptions;
  readonly #cache = new Map<string, { answer: UpstreamAnswer; storedAt: number; expiresAt: number }>();
  readonly #inFlight = new Map<string, Promise<UpstreamAnswer>>();

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  /** Rejects when no server answers in time, or when too many questions wait already. */
  async resolve(name: string, type: string): Promise<UpstreamAnswer> {
    const key = `${type} ${name}`;
    const cached = this.#cache.get(key);
    const now = this.#options.now();
    if (cached && cached.expiresAt > now) return aged(cached.answer, Math.floor((now - cached.storedAt) / 1_000));
    const running = this.#inFlight.get(key);
    if (running) return running;
    if (this.#inFlight.size >= MAX_IN_FLIGHT) throw new Error('too many upstream questions wait');
    const asked = this.#ask(name, type)
      .then((answer) => {
        this.#remember(key, answer);
        return answer;
      })
      .finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, asked);
    return asked;
  }

  async #ask(name: string, type: string): Promise<UpstreamAnswer> {
    let failure: unknown = new Error('no upstream server is configured');
    for (const server of this.#options.servers) {
      try {
        const id = randomInt(65_536);
        const query = dnsPacket.encode({
          type: 'query',
          id,
          flags: dnsPacket.RECURSION_DESIRED,
          questions: [{ type: type as 'A', name, class: 'IN' }],
          additionals: [{ type: 'OPT', name: '.', udpPayloadSize: UDP_SIZE, flags: 0, options: [] } as never],
        });
        let reply = await exchangeUdp(server, query, id, name);
        if (reply.flag_tc) reply = await exchangeTcp(server, query, id, name);
        const rcode = RCODES[(reply.flags ?? 0) & RCODE_MASK] ?? 'SERVFAIL';
        const answer = { rcode, answers: reply.answers ?? [], authorities: reply.authorities ?? [] };
        if (rcode === 'NOERROR' || rcode === 'NXDOMAIN') return answer;
        failure = new Error(`${server} answers ${rcode}`);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  #remember(key: string, answer: UpstreamAnswer): void {
    const ttls = answer.answers.map((record) => ('ttl' in record ? (record.ttl ?? 0) : 0) * 1_000);
    const lifetime = ttls.length === 0 ? NEGATIVE_TTL_MS : Math.min(MAX_TTL_MS, ...ttls);
    if (lifetime <= 0) return;
    this.#cache.delete(key);
    const oldest = this.#cache.size >= MAX_CACHED ? this.#cache.keys().next().value : undefined;
    if (oldest !== undefined) this.#cache.delete(oldest);
    const storedAt = this.#options.now();
    this.#cache.set(key, { answer, storedAt, expiresAt: storedAt + lifetime });
  }
}

const aged = (answer: UpstreamAnswer, seconds: number): UpstreamAnswer =>
  seconds === 0
    ? answer
    : {
        ...answer,
        answers: answer.answers.map((record) => ('ttl' in record ? { ...record, ttl: Math.max(0, (record.ttl ?? 0) - seconds) } : record)),
      };

const endpointOf = (server: string): { host: string; port: number } => {
  const [host = '', port = '53'] = server.split(':');
  return { host, port: Number(port) };
};

/** An answer to another question, or with another id, is not believed: it may be forged. */
const isReply = (packet: DecodedPacket, id: number, name: string): boolean =>
  packet.type === 'response' && packet.id === id && packet.questions?.[0]?.name.toLowerCase() === name;

const exchangeUdp = (server: string, query: Buffer, id: number, name: string): Promise<DecodedPacket> =>
  new Promise((resolve, reject) => {
    const { host, port } = endpointOf(server);
    const socket = dgram.createSocket('udp4');
    const finish = (action: () => void): void => {
      clearTimeout(timer);
      socket.close();
      action();
    };
    const timer = setTimeout(() => finish(() => reject(new Error(`${server} does not answer`))), TIMEOUT_MS);
    socket.on('error', (error) => finish(() => reject(error)));
    socket.on('message', (message) => {
      const packet = decode(message);
      if (packet && isReply(packet, id, name)) finish(() => resolve(packet));
    });
    // Connected: the kernel drops what others send, and tells when nobody listens.
    socket.connect(port, host, () => socket.send(query));
  });

const exchangeTcp = (server: string, query: Buffer, id: number, name: string): Promise<DecodedPacket> =>
  new Promise((resolve, reject) => {
    const { host, port } = endpointOf(server);
    const socket = net.connect({ host, port });
    let received = Buffer.alloc(0);
    const finish = (action: () => void): void => {
      socket.destroy();
      action();
    };
    socket.setTimeout(TIMEOUT_MS, () => finish(() => reject(new Error(`${server} does not answer over TCP`))));
    socket.on('error', (error) => finish(() => reject(error)));
    socket.on('close', () => reject(new Error(`${server} closed the connection`)));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const packet = decode(received.subarray(2, 2 + received.readUInt16BE(0)));
      finish(() => (packet && isReply(packet, id, name) ? resolve(packet) : reject(new Error(`${server} answers something else`))));
    });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.length);
    socket.write(Buffer.concat([length, query]));
  });

const decode = (message: Buffer): DecodedPacket | undefined => {
  try {
    return dnsPacket.decode(message);
  } catch {
    // Not a DNS message: as good as none.
    return undefined;
  }
};
