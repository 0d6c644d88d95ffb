import type { Client } from '../client/client.ts';
import { createClient } from '../client/create-client.ts';
import { createRestTransport } from '../client/rest/rest-transport.ts';
import { connectionOf, parseKubeconfig } from '../pki/kubeconfig.ts';
import { followCluster } from './follow-cluster.ts';
import type { ClusterStateFolder } from './state/cluster-state.ts';

/** A client as the cluster's administrator, from the kubeconfig in the cluster's folder. */
export const openClient = async (folder: ClusterStateFolder): Promise<{ client: Client; server: string; close: () => Promise<void> }> => {
  await followCluster(folder.name);
  const connection = await connectionOf(parseKubeconfig((await folder.readFile('kubeconfig')) ?? '', `${folder.path}/kubeconfig`));
  const transport = createRestTransport({
    servers: [connection.server],
    ca: connection.caPem,
    cert: connection.certPem,
    key: connection.keyPem,
    connectTimeoutMs: 3000,
  });
  return { client: createClient(transport), server: connection.server, close: () => transport.close() };
};
