import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { API_SERVER_NAME, isApiServer } from '../../client/discovery/find-api-servers.ts';
import { COMMANDS } from '../../commands/index.ts';
import type { Io } from '../io.ts';
import { clusterOfContext } from './follow-cluster.ts';

/** A way to the API for as long as one command runs. */
export interface SessionTunnel {
  server: string;
  close(): Promise<void>;
}

/**
 * For a cluster of ours whose kubeconfig names the port of `slipway tunnel`: while no API server of it answers there, a tunnel of this command's own. Undefined
 * where none is needed.
 */
export const tunnelFor = async (
  contextName: string,
  endpoint: { server: string; serverName?: string | undefined; ca?: string | undefined },
  io: Io,
): Promise<SessionTunnel | undefined> => {
  const cluster = clusterOfContext(contextName);
  const url = URL.parse(endpoint.server);
  const isTunnelled = cluster && endpoint.serverName === API_SERVER_NAME && url?.hostname === '127.0.0.1';
  if (!isTunnelled || (await isApiServer(endpoint.server, { trustPem: endpoint.ca ?? '' }))) return undefined;
  try {
    return await openTunnel(cluster, io);
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code !== 'CLUSTER_UNKNOWN') throw error;
    throw new SlipwayError('CONNECTION_REFUSED', {
      tried: `reach the API server at ${endpoint.server}`,
      cause: `that is the port of a tunnel to ${cluster}, which is not open, and this computer does not know the cluster`,
      advice: [
        `slipway tunnel ${cluster}   # on the computer that made it`,
        `slipway adopt ${cluster} --host USER@HOST --jump-host USER@GATE   # makes it known here`,
      ],
    });
  }
};

/** The command itself, on a free port, ended with the session. */
const openTunnel = async (cluster: string, io: Io): Promise<SessionTunnel> => {
  const { default: Tunnel } = await (COMMANDS['tunnel'] as (typeof COMMANDS)[string]).load();
  const over = new AbortController();
  const { promise: said, resolve } = Promise.withResolvers<string>();
  const out: Io['out'] = (text) => resolve(String(text));
  const command = new Tunnel([cluster, '--port=0', '--output=json'], { io: { ...io, out }, signal: over.signal, id: 'tunnel' });
  const ended = command.run();
  const text = await Promise.race([said, ended]);
  const { server } = JSON.parse(String(text)) as { server: string };
  return {
    server,
    close: async () => {
      over.abort();
      await ended;
    },
  };
};
