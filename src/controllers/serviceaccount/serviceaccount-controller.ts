import { namespace as namespaces } from '../../api/core/namespace.ts';
import { serviceAccount as serviceAccounts } from '../../api/core/service-account.ts';
import { isAlreadyExists, isNotFound } from '../../api/meta/status.ts';
import type { Namespace, ServiceAccount } from '../../api/types/core-v1.ts';
import { type Controller, watchOf } from '../controller.ts';
import { isNamespaceGoing } from '../namespace-going.ts';

/** Every namespace has a ServiceAccount named default. */
export const serviceAccountController: Controller = {
  name: 'serviceaccount',
  serviceAccount: 'service-account-controller',
  build: ({ client, informers }) => {
    const allNamespaces = informers.of<Namespace>(namespaces);
    const accounts = informers.of<ServiceAccount>(serviceAccounts);
    return {
      watches: [
        watchOf(allNamespaces, ({ metadata }) => [metadata.name ?? '']),
        watchOf(accounts, ({ metadata }) => (metadata.name === 'default' ? [metadata.namespace ?? ''] : [])),
      ],
      sync: async (name) => {
        const namespace = allNamespaces.get(name);
        if (!namespace || namespace.metadata.deletionTimestamp || accounts.get(`${name}/default`)) return undefined;
        const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: name } };
        await client.create(serviceAccounts, account).catch((error: unknown) => {
          if (!isAlreadyExists(error) && !isNotFound(error) && !isNamespaceGoing(error)) throw error;
        });
        return undefined;
      },
    };
  },
};
