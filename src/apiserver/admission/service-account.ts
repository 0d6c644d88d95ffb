import { serviceAccount } from '../../api/core/service-account.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import type { Container, Pod, Volume } from '../../api/types/core-v1.ts';
import { forbidden } from '../auth/authorizer.ts';
import type { AdmissionPlugin, AdmissionRequest, AdmissionWorld } from './admission.ts';

const MIRROR = 'kubernetes.io/config.mirror';
const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const TOKEN_SECONDS = 3607;
const CHARACTERS = 'bcdfghjklmnpqrstvwxz2456789';

type PodObject = KubeObject & Pod;

/** Every pod runs as a service account that exists, and finds its token, the cluster's CA and its namespace at the usual place. */
export const createServiceAccountAdmission = ({ cache }: Pick<AdmissionWorld, 'cache'>): AdmissionPlugin => ({
  name: 'ServiceAccount',
  resources: ['/pods'],
  async admit(request) {
    if (request.operation !== 'CREATE' || request.subresource !== '' || !request.object) return;
    const pod = request.object as PodObject;
    if (pod.metadata.annotations && MIRROR in pod.metadata.annotations) return checkMirror(request, pod);
    const spec = pod.spec;
    if (!spec) return;
    const name = spec.serviceAccountName || (spec as { serviceAccount?: string }).serviceAccount || 'default';
    const account = await cache.resource(serviceAccount).get({ namespace: request.namespace, name });
    if (!account)
      throw forbidden(
        target(request),
        `error looking up service account ${request.namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`,
      );
    spec.serviceAccountName = name;
    (spec as { serviceAccount?: string }).serviceAccount = name;
    const of = account.object as KubeObject & { automountServiceAccountToken?: boolean; imagePullSecrets?: { name?: string }[] };
    if (mountsToken(spec.automountServiceAccountToken, of.automountServiceAccountToken)) mountToken(spec);
    if (!spec.imagePullSecrets?.length && of.imagePullSecrets?.length)
      spec.imagePullSecrets = of.imagePullSecrets.map((one) => ({ ...one }));
  },
});

const target = (request: AdmissionRequest) => ({ group: '', resource: 'pods', name: request.name });

const mountsToken = (ofPod: boolean | undefined, ofAccount: boolean | undefined): boolean => ofPod ?? ofAccount ?? true;

const checkMirror = (request: AdmissionRequest, pod: PodObject): void => {
  if (pod.spec?.serviceAccountName) throw forbidden(target(request), 'a mirror pod may not reference service accounts');
  for (const volume of pod.spec?.volumes ?? [])
    if (volume.projected?.sources?.some((source) => source.serviceAccountToken))
      throw forbidden(target(request), 'a mirror pod may not use ServiceAccountToken volume projections');
};

const mountToken = (spec: NonNullable<Pod['spec']>): void => {
  const volumes = (spec.volumes ?? []) as Volume[];
  let name = volumes.find((volume) => volume.name.startsWith('kube-api-access-'))?.name;
  let used = false;
  const fresh = name === undefined;
  name ??= `kube-api-access-${randomSuffix()}`;
  for (const container of [...(spec.initContainers ?? []), ...spec.containers] as Container[]) {
    if (container.volumeMounts?.some((mount) => mount.mountPath === MOUNT_PATH)) continue;
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: MOUNT_PATH }];
    used = true;
  }
  if (used && fresh) spec.volumes = [...volumes, tokenVolume(name)];
};

const tokenVolume = (name: string): Volume => ({
  name,
  projected: {
    sources: [
      { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
    ],
    defaultMode: 0o644,
  },
});

const randomSuffix = (): string => {
  let text = '';
  for (let count = 0; count < 5; count++) text += CHARACTERS[Math.floor(Math.random() * CHARACTERS.length)];
  return text;
};
