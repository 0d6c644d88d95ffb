import { connectionOf, parseKubeconfig } from '../pki/kubeconfig.ts';
import { adminPair, readAuthorities, writeKubeconfigs } from './admin-access.ts';
import { ClusterStateFolder } from './state/cluster-state.ts';

/**
 * Brings this client's way into a cluster up to date before it stops working: renews the administrator's certificate when it nears its end.
 * Answers whether kubeconfigs changed. Does nothing for a cluster that another client made.
 */
export const followCluster = async (name: string): Promise<{ changed: boolean }> => {
  const folder = new ClusterStateFolder(name);
  const [state, authorities] = await Promise.all([folder.read(), readAuthorities(folder)]);
  const kubeconfig = await folder.readFile('kubeconfig');
  if (!state || !authorities || !kubeconfig) return { changed: false };
  const { server } = await connectionOf(parseKubeconfig(kubeconfig, `${folder.path}/kubeconfig`));
  const { pair } = await adminPair(folder, { spec: state.spec, authority: authorities.authority });
  return writeKubeconfigs(
    folder,
    { cluster: name, server, trustPem: authorities.trustPem, admin: pair },
    { merge: 'known', makeCurrent: false },
  );
};
