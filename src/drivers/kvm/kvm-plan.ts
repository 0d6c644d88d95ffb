import { basename } from 'node:path';
import type { Driver, MachineSpec, PlannedResource } from '../driver.ts';
import { imageKey, isUrl } from '../images/machine-image.ts';
import { planMachines } from '../plan-machines.ts';
import { findNetwork, networkName } from './kvm-network.ts';
import { type KvmSettings, kvmSettings } from './kvm-settings.ts';
import { KvmStorage, volumePrefix } from './kvm-storage.ts';
import type { Virsh } from './virsh.ts';

export const DEFAULT_SIZE = { cpus: 2, memoryMiB: 2048, diskGiB: 20 } as const;

/** A cluster's own copy of an image: it goes with the cluster, and no other cluster's disks stand on it. */
export const imageVolume = async (cluster: string, source: Pick<KvmSettings, 'image' | 'imageSha256'>): Promise<string> =>
  `${volumePrefix(cluster)}image-${await imageKey({ image: source.image ?? '', sha256: source.imageSha256 })}`;

/** Stands beside an image that was copied whole. */
export const completeMark = (volume: string): string => `${volume}.complete`;

export const planKvm = async (
  virsh: Virsh,
  driver: Pick<Driver, 'describe'>,
  specs: readonly MachineSpec[],
): Promise<PlannedResource[]> => {
  const [first] = specs;
  if (!first) return [];
  const network = await findNetwork(virsh, first.cluster);
  const { subnet, networkMode } = kvmSettings(first.settings);
  return [
    {
      kind: 'network',
      name: networkName(first.cluster),
      state: network ? (network.active ? 'present' : 'stopped') : 'absent',
      detail: `${network ? `${network.prefix}.0/24` : (subnet ?? 'a free range')}, ${network?.mode ?? networkMode}`,
    },
    ...(await planImages(virsh, specs)),
    ...(await planMachines(
      driver,
      specs.map((spec) => ({
        ...spec,
        cpus: spec.cpus ?? DEFAULT_SIZE.cpus,
        memoryMiB: spec.memoryMiB ?? DEFAULT_SIZE.memoryMiB,
        diskGiB: spec.diskGiB ?? DEFAULT_SIZE.diskGiB,
      })),
    )),
  ];
};

const planImages = async (virsh: Virsh, specs: readonly MachineSpec[]): Promise<PlannedResource[]> => {
  const planned = new Map<string, PlannedResource>();
  for (const spec of specs) {
    const settings = kvmSettings(spec.settings);
    if (!settings.image) continue;
    // A local image that is gone is no matter for machines that stand already.
    const volume = await imageVolume(spec.cluster, settings).catch(() => undefined);
    const storage = new KvmStorage(virsh, settings.pool);
    const there = volume !== undefined && (await storage.find(completeMark(volume))) !== undefined;
    const name = isUrl(settings.image) ? basename(new URL(settings.image).pathname) : basename(settings.image);
    planned.set(name, { kind: 'image', name, state: there ? 'present' : 'absent', detail: `in the storage pool ${settings.pool}` });
  }
  return [...planned.values()];
};
