import { Turns } from '../../base/async/turns.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { renderTemplate } from '../../base/templates/template.ts';
import { makeSshKey, type SshKeyPair } from '../../hosts/ssh/make-ssh-key.ts';
import { nocloudSeed } from '../cloud-init/nocloud-seed.ts';
import type { DriverContext, Journal, MachineId, MachineSpec } from '../driver.ts';
import { fetchImage } from '../images/machine-image.ts';
import { kvmWorks } from './kvm-acceleration.ts';
import { type DomainMark, domainName, domainUuid, listDomains, ownerOf } from './kvm-domain.ts';
import { ensureNetwork, findNetwork, type KvmNetwork, macOf, reserveAddress } from './kvm-network.ts';
import { completeMark, DEFAULT_SIZE, imageVolume } from './kvm-plan.ts';
import { type KvmSettings, kvmSettings } from './kvm-settings.ts';
import { KvmStorage, type Volume, volumePrefix } from './kvm-storage.ts';
import { type Virsh, XML_INPUT } from './virsh.ts';

const GIBIBYTE = 1024 ** 3;

export interface KvmMakerOptions {
  virsh: Virsh;
  journal: Journal;
  clientKey: (cluster: string) => Promise<SshKeyPair>;
  cacheDir: string;
}

/** Makes what a machine consists of. What machines share is made by one call at a time; the rest side by side. */
export class KvmMaker {
  readonly #options: KvmMakerOptions;
  readonly alone = new Turns(1);

  constructor(options: KvmMakerOptions) {
    this.#options = options;
  }

  /** Defines the machine, which is not there yet; what an attempt that was cut short has left is made anew. */
  async make(spec: MachineSpec, context: DriverContext): Promise<void> {
    const { virsh, journal } = this.#options;
    const settings = kvmSettings(spec.settings);
    const storage = new KvmStorage(virsh, settings.pool);
    const clientKey = await this.#options.clientKey(spec.cluster);
    const { network, address, image, boot } = await this.alone.run(async () => {
      await this.#requireFree(spec, ownerOf(clientKey.publicKey));
      await journal.record({ kind: 'network', name: spec.cluster, driver: 'kvm', details: { uri: virsh.uri, pool: settings.pool } });
      await journal.record({ kind: 'machine', name: spec.name, driver: 'kvm', id: domainUuid(spec), details: { uri: virsh.uri } });
      await journal.record({ kind: 'pool', name: settings.pool, driver: 'kvm', details: { uri: virsh.uri } });
      await ensureNetwork(virsh, spec.cluster, { subnet: settings.subnet, mode: settings.networkMode });
      await storage.pool.ensure(settings.poolFolder);
      const image = await this.#image(spec, settings, { storage, context });
      const boot = await this.#directBoot(spec.cluster, settings, { storage, context });
      // Read again: addresses are taken one by one.
      const network = (await findNetwork(virsh, spec.cluster)) as KvmNetwork;
      return { network, image, boot, address: await reserveAddress(virsh, network, spec) };
    });
    context.signal.throwIfAborted();
    const name = domainName(spec);
    const hostKey = makeSshKey(`root@${spec.name}`);
    const seed = nocloudSeed(
      {
        instanceId: `${name}-${ownerOf(hostKey.publicKey).slice(7, 19)}`,
        hostname: spec.name,
        user: settings.user,
        authorizedKeys: [clientKey.publicKey],
        hostKey,
      },
      [{ mac: macOf(address), address: `${address}/24`, gateway: `${network.prefix}.1`, nameservers: [`${network.prefix}.1`] }],
    );
    const volume = `${volumePrefix(spec.cluster)}${spec.name}`;
    const volumes = await this.alone.run(async () => {
      await this.#announce(storage, `${volume}.qcow2`, `${volume}.seed.iso`, `${volume}.console`);
      return {
        disk: await storage.overlay(`${volume}.qcow2`, image, diskBytes(spec, image)),
        seed: await storage.uploadBytes(`${volume}.seed.iso`, seed),
        console: await storage.uploadBytes(`${volume}.console`, Buffer.alloc(0)),
      };
    });
    const mark: DomainMark = {
      cluster: spec.cluster,
      node: spec.name,
      address,
      hostKey: hostKey.publicKey,
      user: settings.user,
      owner: ownerOf(clientKey.publicKey),
      pool: settings.pool,
    };
    const type = await this.#type(settings);
    const xml = renderTemplate('kvm/domain', {
      type,
      emulated: type === 'qemu',
      emulatedCpu: type === 'qemu' && settings.emulatedCpu !== 'maximum' ? settings.emulatedCpu : '',
      name,
      uuid: domainUuid(spec),
      mark,
      memoryMiB: spec.memoryMiB ?? DEFAULT_SIZE.memoryMiB,
      cpus: spec.cpus ?? DEFAULT_SIZE.cpus,
      ...boot,
      diskCache: settings.diskCache,
      disk: volumes.disk.path,
      seed: volumes.seed.path,
      console: volumes.console.path,
      mac: macOf(address),
      network: network.name,
    });
    await virsh.run(['define', XML_INPUT], { tried: `make the machine ${spec.name}`, xml, signal: context.signal });
  }

  /** Two users of one libvirt may have named their clusters alike; and a machine may have the name that is not Slipway's at all. */
  async #requireFree({ cluster, name }: MachineId, owner: string): Promise<void> {
    const domain = domainName({ cluster, name });
    if (await this.#options.virsh.find(['domuuid', domain], { tried: `look at the machine ${name}` }))
      throw new SlipwayError('NAME_TAKEN', {
        tried: `make the machine ${name}`,
        cause: `libvirt (${this.#options.virsh.uri}) has a machine ${domain} that Slipway did not make`,
        advice: ['slipway up another-name', `virsh domrename ${domain} another-name   # where it is yours to name`],
      });
    const other = (await listDomains(this.#options.virsh, cluster)).find(({ mark }) => mark.owner !== owner);
    if (!other) return;
    throw new SlipwayError('CLUSTER_EXISTS', {
      tried: `make the cluster ${cluster}`,
      cause: `libvirt (${this.#options.virsh.uri}) has a machine ${other.mark.node} of that cluster, which another installation of Slipway made`,
      advice: ['slipway up another-name', `slipway down ${cluster} --force --driver kvm   # removes it with its data`],
    });
  }

  async #type(settings: KvmSettings): Promise<'kvm' | 'qemu'> {
    if (settings.accel !== 'auto') return settings.accel === 'kvm' ? 'kvm' : 'qemu';
    return (await kvmWorks(this.#options.virsh)) ? 'kvm' : 'qemu';
  }

  async #image(
    spec: MachineSpec,
    settings: KvmSettings,
    { storage, context }: { storage: KvmStorage; context: DriverContext },
  ): Promise<Volume> {
    if (!settings.image)
      throw new SlipwayError('MACHINE_IMAGE_MISSING', {
        tried: `make the machine ${spec.name}`,
        cause: 'no image is named: a cloud image of Debian or Ubuntu, by path or URL',
        advice: [
          'spec.drivers.kvm.image: /var/lib/images/debian-12-generic-amd64.qcow2   # in the cluster file',
          'slipway up -f cluster.yaml',
        ],
      });
    const name = await imageVolume(spec.cluster, settings);
    const there = await findWhole(storage, name);
    if (there) return there;
    const source = { image: settings.image, sha256: settings.imageSha256 };
    const file = await fetchImage(source, { cacheDir: this.#options.cacheDir, signal: context.signal, progress: context.progress });
    if (file.format !== 'qcow2' && file.format !== 'raw')
      throw new SlipwayError('MACHINE_IMAGE_INVALID', {
        tried: `use the image ${settings.image}`,
        cause: `its format is ${file.format}, and machines of libvirt start from qcow2 or raw`,
        advice: [`qemu-img convert -O qcow2 ${file.path} image.qcow2`],
      });
    if (file.format === 'raw' && !file.bootSector && !settings.kernel)
      throw new SlipwayError('MACHINE_IMAGE_INVALID', {
        tried: `use the image ${settings.image}`,
        cause: 'it is neither qcow2 nor a disk that starts by itself (it has no boot sector), and no kernel is named beside it',
        advice: [`qemu-img info ${file.path}`],
      });
    context.progress(`copying the image to the storage pool ${settings.pool}`);
    return this.#copyWhole(storage, { name, from: file.path, signal: context.signal });
  }

  async #directBoot(cluster: string, settings: KvmSettings, { storage, context }: { storage: KvmStorage; context: DriverContext }) {
    const copy = async (path: string | undefined): Promise<string> => {
      if (!path) return '';
      const name = await imageVolume(cluster, { image: path });
      return ((await findWhole(storage, name)) ?? (await this.#copyWhole(storage, { name, from: path, signal: context.signal }))).path;
    };
    return {
      kernel: await copy(settings.kernel),
      initrd: await copy(settings.initrd),
      kernelArguments: settings.kernel ? (settings.kernelArguments ?? 'root=/dev/vda rw console=ttyS0') : '',
    };
  }

  async #copyWhole(storage: KvmStorage, { name, from, signal }: { name: string; from: string; signal: AbortSignal }): Promise<Volume> {
    await this.#announce(storage, name, completeMark(name));
    const made = await storage.upload(name, from, signal);
    await storage.uploadBytes(completeMark(name), Buffer.from('\n'));
    return made;
  }

  async #announce(storage: KvmStorage, ...volumes: readonly string[]): Promise<void> {
    const { virsh, journal } = this.#options;
    for (const name of volumes)
      await journal.record({ kind: 'volume', name, driver: 'kvm', details: { uri: virsh.uri, pool: storage.pool.name } });
  }
}

const findWhole = async (storage: KvmStorage, name: string): Promise<Volume | undefined> =>
  (await storage.find(completeMark(name))) && (await storage.find(name));

const diskBytes = (spec: MachineSpec, image: Volume): number => {
  if (spec.diskGiB && spec.diskGiB * GIBIBYTE < image.capacityBytes)
    throw new SlipwayError('CONFIG_INVALID', {
      tried: `make a disk of ${spec.diskGiB} GiB for ${spec.name}`,
      cause: `its image needs ${Math.ceil(image.capacityBytes / GIBIBYTE)} GiB`,
    });
  return Math.max((spec.diskGiB ?? DEFAULT_SIZE.diskGiB) * GIBIBYTE, image.capacityBytes);
};
