import type { Client } from '../client/client.ts';
import { createClient } from '../client/create-client.ts';
import { createRestTransport, type RestTransport } from '../client/rest/rest-transport.ts';
import { connectionOf, parseKubeconfig } from '../pki/kubeconfig.ts';
import { openApiTunnel, passageToApi, tunnelAccess } from './api-tunnel.ts';
import { openDrivers } from './cluster-drivers.ts';
import { followCluster } from './follow-cluster.ts';
import type { ClusterStateFolder } from './state/cluster-state.ts';

/** A client as the cluster's administrator, from the kubeconfig in the cluster's folder. */
export const openClient = async (folder: ClusterStateFolder): Promise<{ client: Client; server: string; close: () => Promise<void> }> => {
  const { transport, ...rest } = await openTransport(folder);
  return { client: createClient(transport), ...rest };
};

/** `server` is what the kubeconfig says; where that is the port of `slipway tunnel`, a way of its own is opened. */
export const openTransport = async (
  folder: ClusterStateFolder,
): Promise<{ transport: RestTransport; server: string; close: () => Promise<void> }> => {
  const { isTunnelled } = await followCluster(folder.name);
  const connection = await connectionOf(parseKubeconfig((await folder.readFile('kubeconfig')) ?? '', `${folder.path}/kubeconfig`));
  const tunnel = isTunnelled ? await tunnelOf(folder) : undefined;
  const { server, tlsServerName } = tunnel ? tunnelAccess(tunnel.port) : connection;
  const transport = createRestTransport({
    servers: [server],
    serverName: tlsServerName,
    ca: connection.caPem,
    cert: connection.certPem,
    key: connection.keyPem,
    connectTimeoutMs: 3000,
  });
  return {
    transport,
    server: connection.server,
    close: async () => {
      await transport.close();
      await tunnel?.close();
    },
  };
};

const tunnelOf = async (folder: ClusterStateFolder) => {
  const { spec, dataDir } = await folder.require();
  const passage = await passageToApi(spec, openDrivers(spec, { folder, dataDir }));
  return passage && openApiTunnel(passage);
};
