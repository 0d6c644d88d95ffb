import { configMap as configMaps } from '../../api/core/config-map.ts';
import { namespace as namespaces } from '../../api/core/namespace.ts';
import type { Stored } from '../../api/meta/object.ts';
import { isAlreadyExists, isNotFound } from '../../api/meta/status.ts';
import type { ConfigMap, Namespace } from '../../api/types/core-v1.ts';
import { type Controller, watchOf } from '../controller.ts';
import { isNamespaceGoing } from '../namespace-going.ts';

/** Every namespace has the cluster's CA in a ConfigMap, for the tokens that pods get. */
export const rootCaController: Controller = {
  name: 'root-ca-certificate-publisher',
  serviceAccount: 'root-ca-cert-publisher',
  build: ({ client, informers, config }) => {
    const allNamespaces = informers.of<Namespace>(namespaces);
    const maps = informers.of<ConfigMap>(configMaps);
    return {
      watches: [
        (enqueue) =>
          config.rootCa?.onChange(() => {
            for (const { metadata } of allNamespaces.list()) enqueue(metadata.name ?? '');
          }) ?? (() => {}),
        watchOf(allNamespaces, ({ metadata }) => [metadata.name ?? '']),
        watchOf(maps, ({ metadata }) => (metadata.name === NAME ? [metadata.namespace ?? ''] : [])),
      ],
      sync: async (name) => {
        const namespace = allNamespaces.get(name);
        const rootCaPem = config.rootCa?.pem();
        if (rootCaPem === undefined || !namespace || namespace.metadata.deletionTimestamp) return undefined;
        const current = maps.get(`${name}/${NAME}`);
        const data = { 'ca.crt': rootCaPem };
        const annotations = { ...current?.metadata.annotations, [DESCRIPTION]: DESCRIPTION_TEXT };
        if (current?.data?.['ca.crt'] === rootCaPem && current.metadata.annotations?.[DESCRIPTION]) return undefined;
        const wanted: Stored<ConfigMap> = {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          ...current,
          metadata: { ...(current?.metadata ?? { name: NAME, namespace: name }), annotations },
          data,
        };
        const write = current ? client.update(configMaps, wanted) : client.create(configMaps, wanted);
        await write.catch((error: unknown) => {
          if (!isAlreadyExists(error) && !isNotFound(error) && !isNamespaceGoing(error)) throw error;
        });
        return undefined;
      },
    };
  },
};

const NAME = 'kube-root-ca.crt';
const DESCRIPTION = 'kubernetes.io/description';
const DESCRIPTION_TEXT =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or ' +
  'kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';
