import { persistentVolume as volumes } from '../../api/core/persistent-volume.ts';
import { persistentVolumeClaim as claims } from '../../api/core/persistent-volume-claim.ts';
import { keyOf, type Stored, splitKey } from '../../api/meta/object.ts';
import { isAlreadyExists, isNotFound } from '../../api/meta/status.ts';
import { storageClass as storageClasses } from '../../api/storage/storage-class.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.ts';
import type { StorageClass } from '../../api/types/storage-v1.ts';
import type { InformerReads } from '../../client/informer/informer.ts';
import { type Controller, type ControllerContext, type Reconciler, watchOf } from '../controller.ts';
import { regarding } from '../event-recorder.ts';
import { capacityOf, classOf, isReservedFor, volumeFor } from './persistentvolume-decide.ts';

/**
 * Binds claims to volumes, makes folders on nodes into volumes for the `slipway.local/path` provisioner, and says what became of
 * volumes whose claims are gone. Keys: `claim ns/name` and `volume name`. One worker, so that a volume is given away once.
 */
export const persistentVolumeController: Controller = {
  name: 'persistentvolume-binder',
  serviceAccount: 'persistent-volume-binder',
  workers: 1,
  build: (context) => new VolumeBinder(context),
};

export const LOCAL_PROVISIONER = 'slipway.local/path';
const DEFAULT_ROOT = '/var/lib/slipway/volumes';
const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed';
const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller';
const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';
const SELECTED_NODE = 'volume.kubernetes.io/selected-node';

type Claim = Stored<PersistentVolumeClaim>;
type Volume = Stored<PersistentVolume>;

class VolumeBinder implements Reconciler {
  readonly watches: Reconciler['watches'];
  readonly #context: ControllerContext;
  readonly #claims: InformerReads<PersistentVolumeClaim>;
  readonly #volumes: InformerReads<PersistentVolume>;
  readonly #classes: InformerReads<StorageClass>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#claims = context.informers.of<PersistentVolumeClaim>(claims);
    this.#volumes = context.informers.of<PersistentVolume>(volumes);
    this.#classes = context.informers.of<StorageClass>(storageClasses);
    const pending = (): string[] =>
      this.#claims
        .list()
        .filter((claim) => !claim.spec?.volumeName)
        .map((claim) => `claim ${keyOf(claim)}`);
    this.watches = [
      watchOf(this.#claims, (claim) => [`claim ${keyOf(claim)}`, ...(claim.spec?.volumeName ? [`volume ${claim.spec.volumeName}`] : [])]),
      watchOf(this.#volumes, (volume) => {
        const { claimRef } = volume.spec ?? {};
        const own = `volume ${volume.metadata.name}`;
        return claimRef ? [own, `claim ${claimRef.namespace}/${claimRef.name}`] : [own, ...pending()];
      }),
      watchOf(this.#classes, pending),
    ];
  }

  async sync(key: string): Promise<undefined> {
    const [kind, name = ''] = key.split(' ');
    if (kind === 'claim') {
      const claim = this.#claims.get(name);
      if (claim && !claim.metadata.deletionTimestamp) await this.#syncClaim(claim);
    } else {
      const volume = this.#volumes.get(name);
      if (volume) await this.#syncVolume(volume);
    }
  }

  async #syncClaim(claim: Claim): Promise<void> {
    const { volumeName } = claim.spec ?? {};
    if (volumeName) {
      const volume = this.#volumes.get(volumeName);
      if (volume && (isReservedFor(volume, claim) || !volume.spec?.claimRef)) await this.#bind(claim, volume);
      else if (!volume && claim.metadata.annotations?.[BIND_COMPLETED]) await this.#setClaimPhase(claim, 'Lost', undefined);
      return;
    }
    const storageClass = this.#classes.get(classOf(claim));
    const waits = storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
    const node = claim.metadata.annotations?.[SELECTED_NODE];
    const reserved = this.#volumes.list().find((volume) => isReservedFor(volume, claim));
    // Where a pod's node decides, the scheduler reserves a volume or names the node.
    const volume = reserved ?? (waits ? undefined : volumeFor(claim, this.#volumes.list()));
    if (volume) await this.#bind(claim, volume);
    else if (waits && !node) this.#tell(claim, 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding');
    else if (storageClass?.provisioner === LOCAL_PROVISIONER) await this.#provision(claim, storageClass, node);
    else if (storageClass && storageClass.provisioner !== 'kubernetes.io/no-provisioner')
      this.#tell(
        claim,
        'ExternalProvisioning',
        `Waiting for a volume to be created either by the external provisioner '${storageClass.provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`,
      );
    else if (classOf(claim)) this.#tell(claim, 'ProvisioningFailed', `storageclass.storage.k8s.io "${classOf(claim)}" not found`);
    else this.#tell(claim, 'FailedBinding', 'no persistent volumes available for this claim and no storage class is set');
  }

  #tell(claim: Claim, reason: string, message: string): void {
    const type = reason === 'ProvisioningFailed' ? 'Warning' : 'Normal';
    this.#context.events.record(regarding(claims, claim), type, reason, message);
  }

  /** Volume first, then claim: a crash in between leaves a volume that is reserved for the claim, and is found again. */
  async #bind(claim: Claim, volume: Volume): Promise<void> {
    const { client } = this.#context;
    const { namespace, name, uid, resourceVersion } = claim.metadata;
    let bound = volume;
    if (volume.spec?.claimRef?.uid !== uid) {
      const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, resourceVersion };
      const annotations = { ...volume.metadata.annotations, [BOUND_BY_CONTROLLER]: 'yes' };
      bound = await client.update<Volume>(volumes, {
        ...volume,
        metadata: { ...volume.metadata, annotations },
        spec: { ...volume.spec, claimRef },
      });
    }
    if (bound.status?.phase !== 'Bound') await this.#setVolumePhase(bound, 'Bound');
    let current = claim;
    if (claim.spec?.volumeName !== volume.metadata.name || !claim.metadata.annotations?.[BIND_COMPLETED]) {
      const annotations = {
        ...claim.metadata.annotations,
        [BIND_COMPLETED]: 'yes',
        ...(claim.spec?.volumeName ? {} : { [BOUND_BY_CONTROLLER]: 'yes' }),
      };
      current = await client.update<Claim>(claims, {
        ...claim,
        metadata: { ...claim.metadata, annotations },
        spec: { ...claim.spec, volumeName: volume.metadata.name },
      });
    }
    if (current.status?.phase !== 'Bound') await this.#setClaimPhase(current, 'Bound', bound);
  }

  async #setClaimPhase(claim: Claim, phase: string, volume: Volume | undefined): Promise<void> {
    if (claim.status?.phase === phase) return;
    const facts = volume ? { accessModes: volume.spec?.accessModes, capacity: { storage: capacityOf(volume) } } : {};
    await this.#context.client.update(claims, { ...claim, status: { ...claim.status, phase, ...facts } }, { subresource: 'status' });
  }

  async #setVolumePhase(volume: Volume, phase: string): Promise<void> {
    if (volume.status?.phase === phase) return;
    await this.#context.client.update(volumes, { ...volume, status: { ...volume.status, phase } }, { subresource: 'status' });
  }

  async #provision(claim: Claim, storageClass: Stored<StorageClass>, node: string | undefined): Promise<void> {
    const { client, config, events } = this.#context;
    const { uid = '', namespace, name } = claim.metadata;
    const path = `${config.localVolumeRoot ?? DEFAULT_ROOT}/pvc-${uid}`;
    const onNode = { key: 'kubernetes.io/hostname', operator: 'In', values: [node ?? ''] };
    const volume = {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: `pvc-${uid}`, annotations: { [PROVISIONED_BY]: LOCAL_PROVISIONER } },
      spec: {
        capacity: { storage: claim.spec?.resources?.requests?.['storage'] ?? '1Gi' },
        accessModes: claim.spec?.accessModes,
        persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
        storageClassName: storageClass.metadata.name,
        volumeMode: 'Filesystem',
        claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid },
        hostPath: { path, type: 'DirectoryOrCreate' },
        ...(node ? { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [onNode] }] } } } : {}),
      },
    };
    await client.create(volumes, volume).catch((error: unknown) => {
      if (!isAlreadyExists(error)) throw error;
    });
    events.record(regarding(claims, claim), 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume pvc-${uid}`);
  }

  async #syncVolume(volume: Volume): Promise<void> {
    const { claimRef, persistentVolumeReclaimPolicy } = volume.spec ?? {};
    if (!claimRef) return this.#setVolumePhase(volume, 'Available');
    if (!claimRef.uid) return this.#setVolumePhase(volume, volume.status?.phase === 'Bound' ? 'Bound' : 'Available');
    const { namespace = '', name = '' } = claimRef;
    const claim = this.#claims.get(`${namespace}/${name}`) ?? (await this.#liveClaim(`${namespace}/${name}`));
    if (claim?.metadata.uid === claimRef.uid) return;
    const isOurs = volume.metadata.annotations?.[PROVISIONED_BY] === LOCAL_PROVISIONER;
    await this.#setVolumePhase(volume, 'Released');
    if (persistentVolumeReclaimPolicy !== 'Delete' || !isOurs || volume.metadata.deletionTimestamp) return;
    const { name: volumeName = '', uid } = volume.metadata;
    await this.#context.client.delete(volumes, { name: volumeName }, { preconditions: { uid } }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }

  async #liveClaim(key: string): Promise<Claim | undefined> {
    try {
      return await this.#context.client.get<Claim>(claims, splitKey(key));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}
