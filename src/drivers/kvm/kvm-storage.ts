import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { renderTemplate } from '../../base/templates/template.ts';
import { KvmPool } from './kvm-pool.ts';
import { type Virsh, XML_INPUT } from './virsh.ts';
import { isPoolGone } from './virsh-errors.ts';
import { xmlAttributes, xmlText } from './xml-attributes.ts';

export interface Volume {
  name: string;
  path: string;
  format: string;
  /** As a machine sees it. */
  capacityBytes: number;
}

/**
 * What the names of a cluster's volumes begin with, which no other cluster's do: names of clusters hold no dot. So they are found without any list of ours,
 * and nobody else's `ubuntu.qcow2` is taken for one in a pool that is shared.
 */
export const volumePrefix = (cluster: string): string => `slipway-${cluster}.`;

/**
 * The volumes of one storage pool. All goes through libvirt, so that who runs it needs no rights on the folder.
 */
export class KvmStorage {
  readonly #virsh: Virsh;
  readonly #pool: string;
  readonly pool: KvmPool;

  constructor(virsh: Virsh, pool: string) {
    this.#virsh = virsh;
    this.#pool = pool;
    this.pool = new KvmPool(virsh, pool);
  }

  /** Empty without the pool. */
  async names(prefix: string): Promise<string[]> {
    return (await this.pool.volumes()).filter((name) => name.startsWith(prefix));
  }

  async find(name: string): Promise<Volume | undefined> {
    const xml = await this.#virsh
      .find(['vol-dumpxml', name, '--pool', this.#pool], { tried: `look at the volume ${name}` })
      .catch((error: unknown) => {
        // A pool that is stopped shows none.
        if (!isPoolGone(error)) throw error;
        return undefined;
      });
    return xml === undefined ? undefined : parseVolume(name, xml);
  }

  /** Copies a file of this computer into a new volume, whose format is that of the file. */
  async upload(name: string, file: string, signal?: AbortSignal): Promise<Volume> {
    const tried = `copy ${file} to the storage pool ${this.#pool}`;
    const { size } = await stat(file).catch((error: Error) => {
      throw new SlipwayError('MACHINE_IMAGE_MISSING', { tried: `use ${file}`, cause: error, advice: [`ls -l ${file}`] });
    });
    return this.pool.whileThere(async () => {
      await this.remove(name);
      await this.#virsh.run(['vol-create-as', this.#pool, name, `${size}b`, '--allocation', '0', '--format', 'raw'], { tried, signal });
      await this.#virsh.run(['vol-upload', name, file, '--pool', this.#pool, '--sparse'], { tried, signal });
      await this.pool.refresh();
      return parseVolume(name, await this.#virsh.run(['vol-dumpxml', name, '--pool', this.#pool], { tried, signal }));
    });
  }

  /** A volume with these bytes, which may be secret. */
  async uploadBytes(name: string, content: Buffer): Promise<Volume> {
    return this.#virsh.withFolder(async (folder) => {
      const file = join(folder, 'content');
      await writeFile(file, content, { mode: 0o600 });
      return this.upload(name, file);
    });
  }

  /** A disk that begins as `backing` and keeps what is changed. */
  async overlay(name: string, backing: Volume, capacityBytes: number): Promise<Volume> {
    const tried = `make the disk ${name}`;
    const xml = renderTemplate('kvm/overlay', { name, capacity: capacityBytes, backing });
    return this.pool.whileThere(async () => {
      await this.remove(name);
      await this.#virsh.run(['vol-create', this.#pool, XML_INPUT], { tried, xml });
      return { name, path: await this.path(name), format: 'qcow2', capacityBytes };
    });
  }

  async path(name: string): Promise<string> {
    return (await this.#virsh.run(['vol-path', name, '--pool', this.#pool], { tried: `find the volume ${name}` })).trim();
  }

  /** The bytes of a volume that a machine writes, such as its console. */
  async read(name: string): Promise<Buffer | undefined> {
    return this.#virsh.withFolder(async (folder) => {
      const file = join(folder, 'content');
      await this.#virsh.succeeds(['pool-refresh', this.#pool]);
      if (!(await this.#virsh.succeeds(['vol-download', name, file, '--pool', this.#pool]))) return undefined;
      return readFile(file);
    });
  }

  async remove(name: string): Promise<void> {
    await this.#virsh.find(['vol-delete', name, '--pool', this.#pool], { tried: `remove the volume ${name}` });
  }

  async removeAll(prefix: string): Promise<void> {
    for (const name of await this.names(prefix)) await this.remove(name);
  }
}

const parseVolume = (name: string, xml: string): Volume => ({
  name,
  path: xmlText(xml, 'path') ?? '',
  format: xmlAttributes(xml, 'format')[0]?.['type'] ?? 'raw',
  capacityBytes: Number(xmlText(xml, 'capacity') ?? 0),
});
