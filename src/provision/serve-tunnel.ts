import { SlipwayError } from '../base/errors/slipway-error.ts';
import { isApiServer } from '../client/discovery/find-api-servers.ts';
import { contextName, readAuthorities } from './admin-access.ts';
import { LOGIN_MS, openApiTunnel, passageToApi, tunnelAccess, tunnelPortFor } from './api-tunnel.ts';
import { openDrivers } from './cluster-drivers.ts';
import { followCluster } from './follow-cluster.ts';
import { ClusterStateFolder } from './state/cluster-state.ts';

export interface ServedTunnel {
  server: string;
  /** The hosts on the way. */
  through: readonly string[];
  /** Of the kubeconfig, where it names `server`. */
  context?: string;
  close(): Promise<void>;
}

/**
 * A tunnel to the API of a cluster, which has answered there once. Its port is remembered, and written into the kubeconfigs; not so 0, which takes
 * a free one. Throws CLUSTER_UNKNOWN, ADDRESS_IN_USE, USAGE where hosts are reached directly, and what reaching the hosts throws.
 */
export const serveTunnel = async (
  name: string,
  { port, signal, onFailure }: { port?: number | undefined; signal: AbortSignal; onFailure: (error: Error) => void },
): Promise<ServedTunnel> => {
  const folder = new ClusterStateFolder(name);
  const state = await folder.require();
  const passage = await passageToApi(state.spec, openDrivers(state.spec, { folder, dataDir: state.dataDir }));
  if (!passage)
    throw new SlipwayError('USAGE', {
      tried: `open a tunnel to ${name}`,
      cause: 'its control plane is not reached by way of other hosts: the kubeconfig has its address',
      advice: [
        state.tunnelPort ? `slipway up ${name}   # until then it names the tunnel that was needed before` : `slipway status ${name}`,
      ],
    });
  const trustPem = (await readAuthorities(folder))?.trustPem ?? '';
  const wanted = port ?? state.tunnelPort ?? tunnelPortFor(name);
  let failure: Error | undefined;
  let isServed = false;
  const tunnel = await openApiTunnel(passage, {
    port: wanted,
    onFailure: (error) => {
      failure ??= error;
      if (isServed) onFailure(error);
    },
  }).catch(async (error: unknown) => {
    if (!(error instanceof SlipwayError) || error.code !== 'ADDRESS_IN_USE') throw error;
    const isOurs = await isApiServer(tunnelAccess(wanted).server, { trustPem });
    throw new SlipwayError('ADDRESS_IN_USE', {
      tried: `listen on port ${wanted} of this computer`,
      cause: isOurs ? `a tunnel to ${name} is open there already` : 'another program does',
      advice: isOurs ? [] : [`slipway tunnel ${name} --port ${wanted + 1}   # the kubeconfig then names that`],
    });
  });
  try {
    const { server } = tunnelAccess(tunnel.port);
    const answers = await isApiServer(server, { trustPem, timeoutMs: LOGIN_MS, signal });
    signal.throwIfAborted();
    if (!answers)
      throw (
        failure ??
        new SlipwayError('CONNECTION_REFUSED', {
          tried: `reach the API of ${name} by way of ${tunnel.through.join(', ')}`,
          cause: 'who answers there has no certificate of this cluster',
          advice: [`slipway status ${name}`],
        })
      );
    if (port !== 0 && wanted !== state.tunnelPort) await remember(folder, wanted);
    isServed = true;
    return { server, through: tunnel.through, close: tunnel.close, ...(port === 0 ? {} : { context: contextName(name) }) };
  } catch (error) {
    const closed = tunnel.close();
    // A login that is under way is waited for by nobody who has lost patience: it ends with the program.
    if (signal.aborted) closed.catch(() => {});
    else await closed;
    throw error;
  }
};

const remember = async (folder: ClusterStateFolder, tunnelPort: number): Promise<void> => {
  const unlock = folder.lock();
  try {
    await folder.write({ ...(await folder.require()), tunnelPort });
  } finally {
    unlock();
  }
  await followCluster(folder.name);
};
