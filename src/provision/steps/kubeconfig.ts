import { kubeconfigFor, renderKubeconfig, withEntries, withoutEntries } from '../../pki/kubeconfig.ts';
import { changeKubeconfigFile, kubeconfigFileToChange } from '../../pki/kubeconfig-file.ts';
import { apiServers, type ClusterContext } from '../cluster-context.ts';
import { requirePki } from './lay-files.ts';
import type { Step } from './step.ts';

export const contextName = (cluster: string): string => `slipway-${cluster}`;

/** The administrator's way in: a file in the cluster's folder, and an entry in the user's kubeconfig. */
export const kubeconfig: Step<ClusterContext> = {
  name: 'kubeconfig',
  title: 'Writing the kubeconfig',
  plannable: true,
  needs: ['certificates'],
  apply: async (context) => {
    const pki = requirePki(context);
    const ours = kubeconfigFor({
      name: contextName(context.spec.name),
      server: apiServers(context)[0] ?? '',
      caPem: pki.authority.certPem,
      certPem: pki.admin.certPem,
      keyPem: pki.admin.keyPem,
    });
    const kept = await context.folder.writeFile('kubeconfig', renderKubeconfig(ours));
    if (!context.options.mergeKubeconfig) return kept;
    // A cluster that exists keeps the context that its user works in now.
    const makeCurrent = context.options.switchContext && context.isNew;
    const merged = await context.folder.changeKubeconfig((config) => withEntries(config, ours, { makeCurrent }));
    return { changed: kept.changed || merged.changed };
  },
  undo: async (context) => {
    if (context.isNew) await forgetContext(context.spec.name);
  },
};

/** Takes a cluster's entries out of the user's kubeconfig. */
export const forgetContext = async (cluster: string): Promise<void> => {
  await changeKubeconfigFile(await kubeconfigFileToChange(), (config) => withoutEntries(config, contextName(cluster)));
};
