import { persistentVolume } from '../api/core/persistent-volume.ts';
import { persistentVolumeClaim } from '../api/core/persistent-volume-claim.ts';
import type { Stored } from '../api/meta/object.ts';
import type { PersistentVolumeClaim } from '../api/types/core-v1.ts';
import type { Client } from '../client/client.ts';
import type { LiveWorld } from './live-world.ts';
import type { NodeInfo } from './model/node-info.ts';
import type { PodInfo } from './model/pod-info.ts';
import { findVolume, isBound } from './plugins/volume-binding.ts';

const BOUND_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 100;
const SELECTED_NODE = 'volume.kubernetes.io/selected-node';

interface Plan {
  claim: Stored<PersistentVolumeClaim>;
  /** A volume that exists; undefined: one is to be made for the node. */
  volumeName: string | undefined;
}

/**
 * Gives claims that waited for their first consumer a volume on the chosen node: `reserve` is part of the cycle, `bind` writes it
 * and waits until the claims are bound.
 */
export class VolumeBinder {
  readonly #client: Client;
  readonly #world: LiveWorld;

  constructor(options: { client: Client; world: LiveWorld }) {
    this.#client = options.client;
    this.#world = options.world;
  }

  reserve(pod: PodInfo, node: NodeInfo): readonly Plan[] {
    const plans: Plan[] = [];
    for (const name of pod.claims) {
      const claim = this.#world.claim(pod.namespace, name);
      if (!claim || isBound(claim)) continue;
      const volumeName = claim.spec?.volumeName || findVolume(claim, node, this.#world)?.metadata.name;
      if (volumeName) this.#world.reserveVolume(volumeName, `${pod.namespace}/${name}`);
      plans.push({ claim, volumeName });
    }
    return plans;
  }

  release(plans: readonly Plan[]): void {
    for (const { volumeName } of plans) if (volumeName) this.#world.releaseVolume(volumeName);
  }

  async bind(plans: readonly Plan[], node: NodeInfo, signal: AbortSignal): Promise<void> {
    for (const { claim, volumeName } of plans) {
      const { namespace, name = '', uid } = claim.metadata;
      if (volumeName) {
        const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid };
        await this.#client.patch(persistentVolume, { name: volumeName }, { spec: { claimRef } }, { type: 'application/merge-patch+json' });
      } else if (claim.metadata.annotations?.[SELECTED_NODE] !== node.name) {
        const metadata = { annotations: { [SELECTED_NODE]: node.name } };
        await this.#client.patch(persistentVolumeClaim, { namespace, name }, { metadata }, { type: 'application/merge-patch+json' });
      }
    }
    const deadline = performance.now() + BOUND_WITHIN_MS;
    for (const { claim } of plans) {
      const current = (): Stored<PersistentVolumeClaim> | undefined =>
        this.#world.claim(claim.metadata.namespace ?? '', claim.metadata.name ?? '');
      for (let seen = current(); !seen || !isBound(seen); seen = current()) {
        signal.throwIfAborted();
        if (!seen) throw new Error(`persistentvolumeclaim "${claim.metadata.name}" not found`);
        if (performance.now() > deadline) throw new Error('binding volumes: timed out waiting for the condition');
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      }
    }
  }
}
