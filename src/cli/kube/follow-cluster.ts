import { COMMANDS } from '../../commands/index.ts';
import { readLeaf, renewalTime } from '../../pki/leaf-certificate.ts';
import type { Io } from '../io.ts';

/** Contexts of clusters that Slipway made. */
const OURS = /^slipway-(.+)$/;

export const clusterOfContext = (contextName: string): string | undefined => OURS.exec(contextName)?.[1];

/** Whether the client certificate of one of our contexts is to be renewed before it is used. */
export const isDue = (contextName: string, certPem: string | undefined, now: number): boolean => {
  if (!certPem || !clusterOfContext(contextName)) return false;
  try {
    return now >= renewalTime(readLeaf(certPem), 0);
  } catch {
    // It is no certificate that could be read: whoever uses it says so.
    return false;
  }
};

/** Has the provisioning side bring the kubeconfig up to date, where this client made the cluster. Answers whether it changed. */
export const followCluster = async (contextName: string, io: Io): Promise<boolean> => {
  const cluster = clusterOfContext(contextName);
  const entry = COMMANDS['__follow'];
  if (!cluster || !entry) return false;
  const { default: Follow } = await entry.load();
  const command = new Follow([cluster], { io, signal: new AbortController().signal, id: '__follow' });
  // What it cannot mend shows when the old way is tried.
  return (await command.run().catch(() => 1)) === 0;
};
