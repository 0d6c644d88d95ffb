import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { writeAtomically } from '../../hosts/local/local-host.ts';
import { keepSshKey, type SshKeyPair } from '../../hosts/ssh/make-ssh-key.ts';
import { nocloudSeed } from '../cloud-init/nocloud-seed.ts';
import type { MachineId } from '../driver.ts';
import type { VirtualBox } from './virtualbox.ts';

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

  /** Disks that others are made from. */
  async bases(): Promise<string[]> {
    const names = await readdir(this.root).catch(() => []);
    return names.filter((name) => /^base-.*\.vdi$/.test(name)).map((name) => join(this.root, name));
  }

  /** The disk that those of the machines are made from; made once for an image and a size. Throws IMAGE_INVALID. */
  async base(box: VirtualBox, { image, sizeGiB }: { image: string; sizeGiB: number }): Promise<string> {
    const raw = await isRaw(image);
    const path = join(this.root, `base-${(await digest(image)).slice(0, 16)}-${sizeGiB}.vdi`);
    // A disk cannot be renamed once VirtualBox knows it: a mark says that it is whole.
    const mark = `${path}.ok`;
    if (await exists(mark)) return path;
    await mkdir(this.root, { recursive: true, mode: 0o700 });
    await box.removeDisk(path);
    await rm(path, { force: true });
    await box.importDisk({ from: image, to: path, raw, sizeGiB });
    await writeAtomically(mark, '', 0o600);
    return path;
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

const digest = async (path: string): Promise<string> => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
};

/** By its first bytes. What VirtualBox cannot read is told with what turns it into something that it can. */
const isRaw = async (image: string): Promise<boolean> => {
  const tried = `use the image ${image}`;
  const file = await open(image).catch((error: Error) => {
    throw new SlipwayError('IMAGE_INVALID', { tried, cause: error });
  });
  try {
    const { buffer } = await file.read(Buffer.alloc(512), 0, 512, 0);
    const head = buffer.toString('latin1');
    if (head.startsWith('QFI\xfb'))
      throw new SlipwayError('IMAGE_INVALID', {
        tried,
        cause: 'it is a qcow2 image, of which VirtualBox reads only old ones',
        advice: [`qemu-img convert -O vdi ${image} ${image.replace(/\.qcow2$|$/, '.vdi')}`],
      });
    if (head.startsWith('<<<') || head.startsWith('KDMV') || head.startsWith('# Disk Descriptor') || head.startsWith('conectix'))
      return false;
    return true;
  } finally {
    await file.close();
  }
};
