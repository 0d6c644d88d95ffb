import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { writeAtomically } from '../../hosts/local/local-host.ts';
import { runProcess } from '../../hosts/local/run-process.ts';
import { keepSshKey, type SshKeyPair } from '../../hosts/ssh/make-ssh-key.ts';
import { nocloudSeed } from '../cloud-init/nocloud-seed.ts';
import type { MachineId } from '../driver.ts';
import { type FetchOptions, fetchImage, type ImageSource, imageKey } from '../images/machine-image.ts';
import type { VirtualBox } from './virtualbox.ts';

interface BaseWish extends ImageSource {
  sizeGiB: number;
  fetch: FetchOptions;
  announce: (name: string) => Promise<void>;
}

/** Where a cluster's disks, seeds and keys lie: below the cluster's own folder, private to its user. */
export class VirtualBoxFiles {
  readonly root: string;

  constructor(stateDir: string) {
    this.root = join(stateDir, 'virtualbox');
  }

  get machines(): string {
    return join(this.root, 'machines');
  }

  folder(id: MachineId): string {
    return join(this.root, 'nodes', id.name);
  }

  disk(id: MachineId): string {
    return join(this.folder(id), 'disk.vdi');
  }

  seed(id: MachineId): string {
    return join(this.folder(id), 'seed.iso');
  }

  get identity(): string {
    return join(this.root, 'id_ed25519');
  }

  /** The key that logs in to all machines of the cluster. */
  userKey(): Promise<SshKeyPair> {
    return keepSshKey(this.identity, 'slipway');
  }

  hostKey(id: MachineId): Promise<SshKeyPair> {
    return keepSshKey(join(this.folder(id), 'host_key'), id.name);
  }

  async writeSeed(id: MachineId, machine: { user: string; mac: string; address: string; gateway: string }): Promise<void> {
    const [{ publicKey }, hostKey] = await Promise.all([this.userKey(), this.hostKey(id)]);
    const mac = machine.mac.toLowerCase().replaceAll(/(..)(?=.)/g, '$1:');
    const seed = nocloudSeed(
      { instanceId: `${id.cluster}-${id.name}`, hostname: id.name, user: machine.user, authorizedKeys: [publicKey], hostKey },
      [{ mac, address: `${machine.address}/24`, gateway: machine.gateway, nameservers: [machine.gateway] }],
    );
    await writeAtomically(this.seed(id), seed, 0o600);
  }

  /** Disks that others are made from, by their names in `root`. */
  async bases(): Promise<string[]> {
    const names = await readdir(this.root).catch(() => []);
    return names.filter((name) => /^base-.*\.vdi$/.test(name));
  }

  /**
   * The disk that those of the machines are made from; made once for an image and a size, and told to `announce` before. Throws
   * MACHINE_IMAGE_MISSING, MACHINE_IMAGE_INVALID.
   */
  async base(box: VirtualBox, { sizeGiB, fetch, announce, ...source }: BaseWish): Promise<string> {
    const name = `base-${await imageKey(source)}-${sizeGiB}.vdi`;
    const path = join(this.root, name);
    // A disk cannot be renamed once VirtualBox knows it: a mark says that it is whole.
    const mark = `${path}.ok`;
    if (await exists(mark)) return path;
    const image = await fetchImage(source, fetch);
    await announce(name);
    await mkdir(this.root, { recursive: true, mode: 0o700 });
    await box.removeDisk(path);
    await rm(path, { force: true });
    const converted = image.format === 'qcow2' ? await fromQcow2(image.path, path) : undefined;
    await box.importDisk({ from: converted ?? image.path, to: path, raw: image.format === 'raw' || converted !== undefined, sizeGiB });
    if (converted) await rm(converted, { force: true });
    await writeAtomically(mark, '', 0o600);
    return path;
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** VirtualBox reads only old qcow2 images: QEMU's tool makes a raw one of any. */
const fromQcow2 = async (image: string, path: string): Promise<string> => {
  const raw = `${path}.raw`;
  const result = await runProcess(['qemu-img', 'convert', '-O', 'raw', image, raw], { where: 'this host', check: false });
  if (result.exitCode === 0) return raw;
  throw new SlipwayError('MACHINE_IMAGE_INVALID', {
    tried: `use the image ${image}`,
    cause:
      result.exitCode === 127
        ? 'it is a qcow2 image, and there is no qemu-img, which makes it one that VirtualBox reads'
        : `qemu-img cannot convert it: ${result.stderr.trim().split('\n').at(-1)}`,
    advice: ['apt-get install qemu-utils', `qemu-img info ${image}`],
  });
};
