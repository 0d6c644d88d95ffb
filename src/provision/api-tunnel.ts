import { createHash } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { SlipwayError } from '../base/errors/slipway-error.ts';
import { API_SERVER_NAME } from '../client/discovery/find-api-servers.ts';
import type { Passage } from '../drivers/driver.ts';
import type { ClusterDrivers } from './cluster-drivers.ts';
import type { ClusterSpec } from './spec/cluster-spec.ts';
import { API_PORT } from './spec/node-paths.ts';

/** A port of this computer's loopback that leads to a cluster's API over SSH. TLS is the client's with the API server: nothing on the way can read or change it. */
export interface ApiTunnel {
  readonly port: number;
  /** The hosts on the way. */
  readonly through: readonly string[];
  close(): Promise<void>;
}

export interface TunnelOptions {
  /** To listen on; any free one where it is left out. Throws ADDRESS_IN_USE. */
  port?: number | undefined;
  /** Told of each connection that could not be carried. */
  onFailure?: ((error: SlipwayError) => void) | undefined;
}

/** How long a first answer may take: hosts on the way are logged in to before. */
export const LOGIN_MS = 30_000;
const LOOPBACK = '127.0.0.1';
/** Below those that systems give out by themselves. */
const [FIRST_PORT, PORTS] = [20_000, 10_000];

/** The same for one name on every computer, and seldom the same for two. */
export const tunnelPortFor = (cluster: string): number =>
  FIRST_PORT + (createHash('sha256').update(cluster).digest().readUInt32BE() % PORTS);

/** What a client has to know. The name is one that only certificates of API servers have. */
export const tunnelAccess = (port: number): { server: string; tlsServerName: string } => ({
  server: `https://${LOOPBACK}:${port}`,
  tlsServerName: API_SERVER_NAME,
});

/** To the control plane of a cluster. Undefined where its machine is not reached by way of other hosts. */
export const passageToApi = async (spec: ClusterSpec, drivers: ClusterDrivers): Promise<Passage | undefined> => {
  const node = spec.nodes.find(({ controlPlane }) => controlPlane);
  return node && (await drivers.of(node)).passage?.({ cluster: spec.name, name: node.name });
};

/** Every connection to the port is one over SSH to the API; the SSH connection is opened by the first, and again when it broke. */
export const openApiTunnel = async (passage: Passage, { port = 0, onFailure }: TunnelOptions = {}): Promise<ApiTunnel> => {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // One that goes away while the way is being opened.
    socket.on('error', () => {});
    carry(socket, passage).catch((error: Error) => {
      socket.destroy();
      onFailure?.(
        error instanceof SlipwayError
          ? error
          : new SlipwayError('CONNECTION_REFUSED', { tried: `reach the API by way of ${passage.through.join(', ')}`, cause: error }),
      );
    });
  });
  await listenOn(server, port);
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    through: passage.through,
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await passage.close();
    },
  };
};

/** On the port that the kubeconfig names, so that hooks find the API there; on another one while `slipway tunnel` has that. */
export const openTunnelForJob = (passage: Passage, { port, onFailure }: TunnelOptions): Promise<ApiTunnel> =>
  openApiTunnel(passage, { port, onFailure }).catch((error: unknown) => {
    if (error instanceof SlipwayError && error.code === 'ADDRESS_IN_USE') return openApiTunnel(passage, { onFailure });
    throw error;
  });

const carry = async (socket: Socket, passage: Passage): Promise<void> => {
  const channel = await passage.dial(API_PORT);
  // How it ended is for its two sides to tell: TLS notices what was cut off.
  await Promise.all([pipeline(socket, channel), pipeline(channel, socket)]).catch(() => {});
  socket.destroy();
  channel.destroy();
};

const listenOn = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(refusalOf(error, port)));
    server.listen(port, LOOPBACK, resolve);
  });

const refusalOf = (error: NodeJS.ErrnoException, port: number): Error => {
  const tried = `listen on ${LOOPBACK}:${port}`;
  if (error.code === 'EADDRINUSE') return new SlipwayError('ADDRESS_IN_USE', { tried, cause: error });
  if (error.code !== 'EACCES') return error;
  return new SlipwayError('USAGE', {
    tried,
    cause: 'ports below 1024 are for the administrator of this computer',
    advice: ['slipway tunnel --port 16443', 'slipway tunnel   # takes one that fits'],
  });
};
