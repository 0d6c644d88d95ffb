import { withoutEntries } from '../../pki/kubeconfig.ts';
import { changeKubeconfigFile, kubeconfigFileToChange } from '../../pki/kubeconfig-file.ts';
import { contextName, writeKubeconfigs } from '../admin-access.ts';
import { tunnelAccess } from '../api-tunnel.ts';
import { apiServers, type ClusterContext } from '../cluster-context.ts';
import { requirePki } from './lay-files.ts';
import type { Step } from './step.ts';

/** The administrator's way in: a file in the cluster's folder, and an entry in the user's kubeconfig. */
export const kubeconfig: Step<ClusterContext> = {
  name: 'kubeconfig',
  title: 'Writing the kubeconfig',
  plannable: true,
  needs: ['certificates'],
  apply: (context) => writeWayIn(context),
  undo: async (context) => {
    if (context.isNew) await forgetContext(context.spec.name);
  },
};

/** As the saved state has it: by the API server's address, or by the port of `slipway tunnel`. */
export const writeWayIn = (context: ClusterContext): Promise<{ changed: boolean }> => {
  const { trustPem, admin } = requirePki(context);
  const access = { cluster: context.spec.name, ...serverForClients(context), trustPem, admin };
  // A cluster that exists keeps the context that its user works in now.
  return writeKubeconfigs(context.folder, access, {
    merge: context.options.mergeKubeconfig,
    makeCurrent: context.options.switchContext && context.isNew,
  });
};

/** What a kubeconfig says. */
export const serverForClients = (context: ClusterContext): { server: string; tlsServerName?: string } =>
  context.state.tunnelPort ? tunnelAccess(context.state.tunnelPort) : { server: apiServers(context)[0] ?? '' };

/** Takes a cluster's entries out of the user's kubeconfig. */
export const forgetContext = async (cluster: string): Promise<void> => {
  await changeKubeconfigFile(await kubeconfigFileToChange(), (config) => withoutEntries(config, contextName(cluster)));
};
