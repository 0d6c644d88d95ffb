import { startInProcess } from './in-process-cluster.ts';
import type { StartClusterOptions, TestCluster } from './test-cluster.ts';

/**
 * A control plane for a test, in this process and ready when the call resolves:
 *
 *   await using cluster = await startCluster({ fakeNodes: 3 });
 *   await cluster.client.create(resource('configmaps'), { metadata: { name: 'a', namespace: 'default' }, data: { key: 'value' } });
 *
 * Several can run at once; each has a port, an authority and a folder of its own. With `nodes` it is a whole cluster with real containers.
 */
export const startCluster = async (options: StartClusterOptions = {}): Promise<TestCluster> => {
  if (options.nodes === undefined) return startInProcess(options);
  const { startOnMachines } = await import('./machine-cluster.ts');
  return startOnMachines(options);
};
