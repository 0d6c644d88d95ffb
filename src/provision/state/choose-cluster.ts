import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { loadKubeconfig } from '../../pki/kubeconfig.ts';
import { clusterNames } from './cluster-state.ts';

/** The cluster that is meant: the one named, else that of the current kubeconfig context, else the only one there is. */
export const chooseCluster = async (named: string | undefined): Promise<string> => {
  if (named) return named;
  const names = await clusterNames();
  const current = await loadKubeconfig().then(
    (config) => config['current-context'].replace(/^slipway-/, ''),
    // A kubeconfig that cannot be read is no help in choosing, and no obstacle either.
    () => '',
  );
  if (names.includes(current)) return current;
  if (names.length === 1 && names[0]) return names[0];
  throw new SlipwayError('CLUSTER_UNKNOWN', {
    tried: 'choose a cluster',
    cause: names.length ? `there are ${names.join(', ')}, and the current context is none of them` : 'no cluster has been made yet',
    advice: names.length ? names.map((name) => `slipway status ${name}`) : ['slipway up demo --yes --demo'],
  });
};
