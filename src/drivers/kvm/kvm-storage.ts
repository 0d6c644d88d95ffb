import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { renderTemplate } from '../../base/templates/template.ts';
import { type Virsh, XML_INPUT } from './virsh.ts';
import { xmlAttributes, xmlText } from './xml-attributes.ts';

export interface Volume {
  name: string;
  path: string;
  format: string;
  /** As a machine sees it. */
  capacityBytes: number;
}

/**
 * The volumes of one storage pool. What belongs to a cluster begins with its name and a dot, which names of clusters cannot hold: so it
 * is found without any list of ours. All goes through libvirt, so that who runs it needs no rights on the folder.
 */
export class KvmStorage {
  readonly #virsh: Virsh;
  readonly #pool: string;

  constructor(virsh: Virsh, pool: string) {
    this.#virsh = virsh;
    this.#pool = pool;
  }

  async poolExists(): Promise<boolean> {
    return (await this.#virsh.find(['pool-info', this.#pool], { tried: `look at the storage pool ${this.#pool}` })) !== undefined;
  }

  /** Makes the pool over `folder` where there is none, and starts it. */
  async ensurePool(folder: string): Promise<void> {
    const tried = `make the storage pool ${this.#pool}`;
    const info = await this.#virsh.find(['pool-info', this.#pool], { tried });
    if (info === undefined) {
      await this.#virsh.run(['pool-define-as', this.#pool, 'dir', '--target', folder], { tried }).catch((error: unknown) => {
        // Another cluster that is made at the same time was first.
        if (!(error instanceof SlipwayError && error.code === 'NAME_TAKEN')) throw error;
      });
      await this.#virsh.run(['pool-build', this.#pool], { tried });
    }
    if (!/^State:\s+running$/m.test(info ?? '')) await this.#virsh.succeeds(['pool-start', this.#pool]);
    await this.#virsh.run(['pool-autostart', this.#pool], { tried });
    await this.refresh();
  }

  /** libvirt reads the folder again. */
  async refresh(): Promise<void> {
    await this.#virsh.run(['pool-refresh', this.#pool], { tried: `read the storage pool ${this.#pool}` });
  }

  async folder(): Promise<string> {
    return xmlText(await this.#virsh.run(['pool-dumpxml', this.#pool], { tried: `look at the storage pool ${this.#pool}` }), 'path') ?? '';
  }

  /** Empty without the pool. */
  async names(prefix: string): Promise<string[]> {
    const listed = await this.#virsh
      .find(['vol-list', this.#pool], { tried: `list the volumes of ${this.#pool}` })
      .catch((error: unknown) => {
        // A pool that is not started has no volumes to list.
        if (error instanceof SlipwayError && error.code === 'COMMAND_FAILED') return undefined;
        throw error;
      });
    return (listed ?? '')
      .split('\n')
      .map((line) => line.trim().split(/\s+/)[0] ?? '')
      .filter((name) => name !== '' && name.startsWith(prefix));
  }

  async find(name: string): Promise<Volume | undefined> {
    const xml = await this.#virsh.find(['vol-dumpxml', name, '--pool', this.#pool], { tried: `look at the volume ${name}` });
    if (xml === undefined) return undefined;
    return {
      name,
      path: xmlText(xml, 'path') ?? '',
      format: xmlAttributes(xml, 'format')[0]?.['type'] ?? 'raw',
      capacityBytes: Number(xmlText(xml, 'capacity') ?? 0),
    };
  }

  /** Copies a file of this computer into a new volume, whose format is that of the file. */
  async upload(name: string, file: string, signal?: AbortSignal): Promise<Volume> {
    const tried = `copy ${file} to the storage pool ${this.#pool}`;
    const { size } = await stat(file).catch((error: Error) => {
      throw new SlipwayError('MACHINE_IMAGE_MISSING', { tried: `use ${file}`, cause: error, advice: [`ls -l ${file}`] });
    });
    await this.remove(name);
    await this.#virsh.run(['vol-create-as', this.#pool, name, `${size}b`, '--allocation', '0', '--format', 'raw'], { tried, signal });
    await this.#virsh.run(['vol-upload', name, file, '--pool', this.#pool, '--sparse'], { tried, signal });
    await this.refresh();
    const made = await this.find(name);
    if (made) return made;
    throw new SlipwayError('MACHINE_IMAGE_MISSING', { tried, cause: 'the volume was gone at once' });
  }

  /** A volume with these bytes, which may be secret. */
  async uploadBytes(name: string, content: Buffer): Promise<Volume> {
    const folder = await mkdtemp(join(tmpdir(), 'slipway-volume-'));
    try {
      const file = join(folder, 'content');
      await writeFile(file, content, { mode: 0o600 });
      return await this.upload(name, file);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** A disk that begins as `backing` and keeps what is changed. */
  async overlay(name: string, backing: Volume, capacityBytes: number): Promise<Volume> {
    const tried = `make the disk ${name}`;
    await this.remove(name);
    const xml = renderTemplate('kvm/overlay', { name, capacity: capacityBytes, backing });
    await this.#virsh.run(['vol-create', this.#pool, XML_INPUT], { tried, xml });
    return { name, path: await this.path(name), format: 'qcow2', capacityBytes };
  }

  async path(name: string): Promise<string> {
    return (await this.#virsh.run(['vol-path', name, '--pool', this.#pool], { tried: `find the volume ${name}` })).trim();
  }

  /** The bytes of a volume that a machine writes, such as its console. */
  async read(name: string): Promise<Buffer | undefined> {
    const folder = await mkdtemp(join(tmpdir(), 'slipway-volume-'));
    try {
      const file = join(folder, 'content');
      await this.refresh();
      if (!(await this.#virsh.succeeds(['vol-download', name, file, '--pool', this.#pool]))) return undefined;
      return await readFile(file);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async remove(name: string): Promise<void> {
    await this.#virsh.find(['vol-delete', name, '--pool', this.#pool], { tried: `remove the volume ${name}` });
  }

  async removeAll(prefix: string): Promise<void> {
    for (const name of await this.names(prefix)) await this.remove(name);
  }

  /** The pool itself, with its folder, when nothing is in it any more. */
  async removePoolIfEmpty(): Promise<void> {
    if (!(await this.poolExists()) || (await this.names('')).length) return;
    const tried = `remove the storage pool ${this.#pool}`;
    await this.#virsh.succeeds(['pool-destroy', this.#pool]);
    // A folder that holds something else stays.
    await this.#virsh.succeeds(['pool-delete', this.#pool]);
    await this.#virsh.find(['pool-undefine', this.#pool], { tried });
  }
}
