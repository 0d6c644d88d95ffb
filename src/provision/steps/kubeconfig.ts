import { withoutEntries } from '../../pki/kubeconfig.ts';
import { changeKubeconfigFile, kubeconfigFileToChange } from '../../pki/kubeconfig-file.ts';
import { contextName, writeKubeconfigs } from '../admin-access.ts';
import { apiServers, type ClusterContext } from '../cluster-context.ts';
import { requirePki } from './lay-files.ts';
import type { Step } from './step.ts';

/** The administrator's way in: a file in the cluster's folder, and an entry in the user's kubeconfig. */
export const kubeconfig: Step<ClusterContext> = {
  name: 'kubeconfig',
  title: 'Writing the kubeconfig',
  plannable: true,
  needs: ['certificates'],
  apply: (context) => {
    const { trustPem, admin } = requirePki(context);
    const access = { cluster: context.spec.name, server: apiServers(context)[0] ?? '', trustPem, admin };
    // A cluster that exists keeps the context that its user works in now.
    return writeKubeconfigs(context.folder, access, {
      merge: context.options.mergeKubeconfig,
      makeCurrent: context.options.switchContext && context.isNew,
    });
  },
  undo: async (context) => {
    if (context.isNew) await forgetContext(context.spec.name);
  },
};

/** Takes a cluster's entries out of the user's kubeconfig. */
export const forgetContext = async (cluster: string): Promise<void> => {
  await changeKubeconfigFile(await kubeconfigFileToChange(), (config) => withoutEntries(config, contextName(cluster)));
};
