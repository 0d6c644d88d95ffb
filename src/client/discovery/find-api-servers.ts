import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import { urlAddress } from '../../base/net/url-address.ts';
import { clusterIds, DISCOVERY_GROUP, DISCOVERY_PORT, decodeAnswer, encodeQuery } from './discovery-messages.ts';

/** The name that only certificates of API servers have; addresses may be anybody's. */
export const API_SERVER_NAME = 'kubernetes';

export interface FindOptions {
  /** The cluster's authorities. */
  trustPem: string;
  /** How long answers are waited for. */
  patienceMs?: number;
  signal?: AbortSignal;
}

const PATIENCE_MS = 700;
const HANDSHAKE_MS = 3000;
const MOST_CANDIDATES = 32;

/**
 * Asks the networks that this machine is on where the cluster's API servers are. What comes back is only a list of candidates: those are
 * answered that show a certificate of the cluster's authority for an API server.
 */
export const findApiServers = async (options: FindOptions): Promise<string[]> => {
  const candidates = [...(await askNetworks(options))].slice(0, MOST_CANDIDATES);
  const verified = await Promise.all(candidates.map(async (url) => ((await isApiServer(url, options)) ? url : undefined)));
  return verified.filter((url) => url !== undefined);
};

/** Whether an API server of the cluster is there: it proves that it has a key that the cluster's authority has signed for one. */
export const isApiServer = (
  url: string,
  { trustPem, signal, timeoutMs = HANDSHAKE_MS }: Pick<FindOptions, 'trustPem' | 'signal'> & { timeoutMs?: number },
): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({
      ...urlAddress(new URL(url)),
      ca: trustPem,
      servername: API_SERVER_NAME,
      ALPNProtocols: ['h2', 'http/1.1'],
      timeout: timeoutMs,
    });
    const end = (answer: boolean) => (): void => {
      signal?.removeEventListener('abort', abandon);
      socket.destroy();
      resolve(answer);
    };
    const abandon = end(false);
    socket.once('secureConnect', end(true)).once('error', end(false)).once('timeout', end(false));
    signal?.addEventListener('abort', abandon);
    if (signal?.aborted) abandon();
  });

const askNetworks = async ({ trustPem, patienceMs = PATIENCE_MS, signal }: FindOptions): Promise<Set<string>> => {
  const found = new Set<string>();
  const clusters = clusterIds(trustPem);
  const nonce = randomBytes(8).toString('hex');
  const query = encodeQuery({ clusters, nonce });
  const networks = networksNow();
  const sockets = networks.map(({ address, broadcast }) => {
    const socket = createSocket('udp4');
    socket.on('error', () => socket.close());
    socket.on('message', (bytes) => {
      const answer = decodeAnswer(bytes);
      if (answer?.nonce === nonce && clusters.includes(answer.cluster)) for (const server of answer.servers) found.add(server);
    });
    socket.bind(0, address, () => {
      try {
        socket.setBroadcast(true);
        socket.setMulticastInterface(address);
        for (const target of [DISCOVERY_GROUP, broadcast]) socket.send(query, DISCOVERY_PORT, target, () => {});
      } catch {
        // The device has gone in this moment.
      }
    });
    return socket;
  });
  await delay(patienceMs, undefined, signal ? { signal } : {}).catch(() => {});
  for (const socket of sockets)
    try {
      socket.close();
    } catch {
      // It failed before, and is closed.
    }
  return found;
};

/** Networks with more than this machine on them. */
const networksNow = (): { address: string; broadcast: string }[] =>
  Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? [])
      .filter(
        ({ family, internal, netmask }) => family === 'IPv4' && !internal && netmask !== '255.255.255.255' && !name.startsWith('veth'),
      )
      .map(({ address, netmask }) => ({ address, broadcast: broadcastOf(address, netmask) })),
  );

export const broadcastOf = (address: string, netmask: string): string => {
  const mask = netmask.split('.').map(Number);
  return address
    .split('.')
    .map((byte, index) => Number(byte) | (~(mask[index] ?? 255) & 255))
    .join('.');
};
