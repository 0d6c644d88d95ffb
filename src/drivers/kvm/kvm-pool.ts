import { setTimeout as delay } from 'node:timers/promises';
import type { Virsh } from './virsh.ts';
import { isAbsent, isActive, isPoolGone, unlessActive, VirshError } from './virsh-errors.ts';

/** Clusters that end while another one begins: each may take the empty pool along once. */
const ATTEMPTS = 20;
const AGAIN_MS = 100;
/** Clusters that end at the same time: each starts the pool to look into it, which keeps the others from removing it. */
const REMOVALS = 10;

/**
 * A storage pool, which all clusters of one libvirt share. The first one makes it, and the last one removes it, without a lock over both: libvirt may
 * be another computer's. So who removes it looks what has come into it in the meantime, and who uses it makes it anew when it has gone.
 */
export class KvmPool {
  readonly name: string;
  readonly #virsh: Virsh;
  /** Known to who makes machines, and not to who only looks or removes. */
  #folder: string | undefined;

  constructor(virsh: Virsh, name: string) {
    this.#virsh = virsh;
    this.name = name;
  }

  /** Makes the pool over `folder` where there is none, and starts it. */
  async ensure(folder: string): Promise<void> {
    this.#folder = folder;
    await this.#overRemovals(() => this.#makeReady(folder));
  }

  /**
   * Does `work`, and does it again from its beginning when the pool went away under it: also when it is there again already, made anew by somebody
   * else, and what was put into it a moment ago is in the old one.
   */
  async whileThere<T>(work: () => Promise<T>): Promise<T> {
    const folder = this.#folder;
    if (folder === undefined) return work();
    let first = true;
    return this.#overRemovals(async () => {
      if (!first) await this.#makeReady(folder);
      first = false;
      return work();
    }, isPoolGoneOrNew);
  }

  /** libvirt reads the folder again. */
  async refresh(): Promise<void> {
    await this.#virsh.run(['pool-refresh', this.name], { tried: `read the storage pool ${this.name}` });
  }

  /** The names of all volumes: none without the pool. A pool that somebody has stopped is started. */
  async volumes(): Promise<string[]> {
    const tried = `list the volumes of ${this.name}`;
    const listed = await this.#overRemovals(() =>
      this.#virsh.find(['vol-list', this.name], { tried }).catch(async (error: unknown) => {
        if (!isPoolGone(error)) throw error;
        // One that cannot be started has no folder any more.
        const startable = await this.#virsh.run(['pool-start', this.name], { tried }).then(() => true, isActive);
        if (startable) throw error;
        return undefined;
      }),
    );
    return (listed ?? '')
      .split('\n')
      .map((line) => line.trim().split(/\s+/)[0] ?? '')
      .filter(Boolean);
  }

  /**
   * The pool itself, with its folder, when nothing is in it. It is stopped first, so that nothing more comes into it, and the folder is the judge of what
   * has come until then: one with a file in it cannot be removed.
   */
  async removeIfEmpty(): Promise<void> {
    if ((await this.#info()) === undefined || (await this.volumes()).length) return;
    const tried = `remove the storage pool ${this.name}`;
    for (let attempt = 1; attempt <= REMOVALS; attempt++) {
      await this.#virsh.succeeds(['pool-destroy', this.name]);
      const info = await this.#info();
      if (info === undefined) return;
      // Not stopped: a volume is copied into it at this moment, or somebody else looks what is in it, who then removes it.
      if (!isRunning(info) && (await this.#virsh.succeeds(['pool-delete', this.name]))) break;
      // Started by this look. Where the folder could not be removed because another one that ends at the same time had looked, one of both comes through.
      if ((await this.volumes()).length) return;
      await delay(AGAIN_MS * Math.random());
      // A folder that stays for another reason, such as a file system of its own, keeps nobody's volumes.
      if (attempt === REMOVALS) await this.#virsh.succeeds(['pool-destroy', this.name]);
    }
    await this.#virsh.find(['pool-undefine', this.name], { tried }).catch(unlessActive);
  }

  async #makeReady(folder: string): Promise<void> {
    const tried = `make the storage pool ${this.name}`;
    const info = await this.#info();
    if (info === undefined)
      await this.#virsh.run(['pool-define-as', this.name, 'dir', '--target', folder], { tried }).catch((error: unknown) => {
        // Another cluster that is made at the same time was first.
        if (!(error instanceof VirshError && error.code === 'NAME_TAKEN')) throw error;
      });
    if (!isRunning(info)) await this.#start(tried);
    await this.#virsh.run(['pool-autostart', this.name], { tried });
    await this.refresh();
  }

  /** A folder is made for a pool that needs no more than that; any other kind of pool is as its owner made it. */
  async #start(tried: string): Promise<void> {
    if (await this.#virsh.succeeds(['pool-start', this.name])) return;
    const xml = await this.#virsh.run(['pool-dumpxml', this.name], { tried });
    if (/<pool type='dir'/.test(xml)) await this.#virsh.run(['pool-build', this.name], { tried }).catch(unlessActive);
    await this.#virsh.run(['pool-start', this.name], { tried }).catch(unlessActive);
  }

  #info(): Promise<string | undefined> {
    return this.#virsh.find(['pool-info', this.name], { tried: `look at the storage pool ${this.name}` });
  }

  async #overRemovals<T>(work: () => Promise<T>, isGone = isPoolGone): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (attempt >= ATTEMPTS || !isGone(error)) throw error;
        await delay(AGAIN_MS);
      }
    }
  }
}

const isPoolGoneOrNew = (error: unknown): boolean => isPoolGone(error) || isAbsent(error);

const isRunning = (info: string | undefined): boolean => /^State:\s+running$/m.test(info ?? '');
