import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PodSpec } from '../../api/types/core-v1.ts';
import type { Logger } from '../../base/log/logger.ts';
import { podLimits, podRequests, type QosClass, qosClass, quotaOf, sharesOf } from './resources.ts';

const FS = '/sys/fs/cgroup';
const CPU_PERIOD_US = 100_000;
/** Controllers that pods are held by on version 2. */
const CONTROLLERS = ['cpu', 'memory', 'pids', 'cpuset'];

/**
 * The cgroups above the containers, by the cgroupfs convention: `/kubepods[/burstable|/besteffort]/pod<uid>`. The runtime makes
 * those of the containers below. Works on version 1 (one tree for each controller, hybrid too) and on version 2.
 */
export class Cgroups {
  readonly #root: string;
  readonly #log: Logger;
  readonly isUnified = existsSync(join(FS, 'cgroup.controllers'));

  /** `root`: below which cgroup of the agent's own view; `/` inside a node. */
  constructor(options: { root: string; log: Logger }) {
    this.#root = options.root;
    this.#log = options.log;
  }

  /** What the runtime is told: relative to its own root. */
  podPath(uid: string, qos: QosClass): string {
    return join(this.#root, 'kubepods', qos === 'Guaranteed' ? '' : qos.toLowerCase(), `pod${uid}`);
  }

  async init(): Promise<void> {
    await this.#make(join(this.#root, 'kubepods'));
    await this.#make(join(this.#root, 'kubepods', 'burstable'));
    await this.#make(join(this.#root, 'kubepods', 'besteffort'));
    await this.#set(join(this.#root, 'kubepods', 'besteffort'), { shares: 2 });
  }

  /** Makes the pod's cgroup and holds it to the sum of its containers. Answers its path. */
  async ensurePod(uid: string, spec: PodSpec): Promise<string> {
    const path = this.podPath(uid, qosClass(spec));
    await this.#make(path);
    const limits = podLimits(spec);
    await this.#set(path, {
      shares: sharesOf(podRequests(spec).cpuMillis),
      ...(limits.cpuMillis ? { quota: quotaOf(limits.cpuMillis) } : {}),
      ...(limits.memoryBytes ? { memory: limits.memoryBytes } : {}),
    });
    return path;
  }

  /** Removes a pod's cgroups. They are empty when its containers have ended; what is not goes another time. */
  async removePod(uid: string): Promise<void> {
    for (const tree of await this.#trees())
      for (const parent of ['', 'burstable', 'besteffort']) await removeTree(join(tree, this.#root, 'kubepods', parent, `pod${uid}`));
  }

  /** Removes cgroups of pods that nobody knows any more. */
  async cleanOrphans(known: ReadonlySet<string>): Promise<void> {
    const uids = new Set<string>();
    for (const tree of await this.#trees())
      for (const parent of ['', 'burstable', 'besteffort'])
        for (const name of await readdir(join(tree, this.#root, 'kubepods', parent)).catch(() => []))
          if (name.startsWith('pod') && !known.has(name.slice(3))) uids.add(name.slice(3));
    for (const uid of uids) await this.removePod(uid);
  }

  /** Nanoseconds of CPU and bytes of memory (working set) that a cgroup has used; undefined where it is gone. */
  async usage(
    path: string,
  ): Promise<{ cpuNanoseconds: number; memoryBytes: number; workingSetBytes: number; rssBytes: number } | undefined> {
    try {
      if (this.isUnified) {
        const cpu = keyed(await readFile(join(FS, path, 'cpu.stat'), 'utf8'));
        const stat = keyed(await readFile(join(FS, path, 'memory.stat'), 'utf8'));
        // The root of version 2 has no such file: it stands for the machine.
        const memoryBytes = Number(await readFile(join(FS, path, 'memory.current'), 'utf8').catch(machineMemory));
        const workingSetBytes = Math.max(0, memoryBytes - (stat.get('inactive_file') ?? 0));
        return { cpuNanoseconds: (cpu.get('usage_usec') ?? 0) * 1000, memoryBytes, workingSetBytes, rssBytes: stat.get('anon') ?? 0 };
      }
      const stat = keyed(await readFile(join(FS, 'memory', path, 'memory.stat'), 'utf8'));
      const memoryBytes = Number(await readFile(join(FS, 'memory', path, 'memory.usage_in_bytes'), 'utf8'));
      const cpuNanoseconds = Number(await readFile(join(FS, 'cpuacct', path, 'cpuacct.usage'), 'utf8').catch(() => '0'));
      return {
        cpuNanoseconds,
        memoryBytes,
        workingSetBytes: Math.max(0, memoryBytes - (stat.get('total_inactive_file') ?? 0)),
        rssBytes: stat.get('total_rss') ?? 0,
      };
    } catch {
      return undefined;
    }
  }

  get rootPath(): string {
    return this.#root;
  }

  async #trees(): Promise<string[]> {
    if (this.isUnified) return [FS];
    return (await readdir(FS, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map((entry) => join(FS, entry.name));
  }

  async #make(path: string): Promise<void> {
    if (!this.isUnified) {
      await Promise.all(['cpu', 'memory'].map((controller) => mkdir(join(FS, controller, path), { recursive: true })));
      return;
    }
    await mkdir(join(FS, path), { recursive: true });
    // A cgroup has the controllers that every one above it hands down.
    const parts = dirname(path).split('/').filter(Boolean);
    for (let depth = 0; depth <= parts.length; depth++) {
      const control = join(FS, ...parts.slice(0, depth), 'cgroup.subtree_control');
      for (const controller of CONTROLLERS) await this.#write(control, `+${controller}`);
    }
  }

  async #set(path: string, limits: { shares?: number; quota?: number; memory?: number }): Promise<void> {
    const { shares, quota, memory } = limits;
    if (this.isUnified) {
      if (shares) await this.#write(join(FS, path, 'cpu.weight'), String(Math.floor(1 + ((shares - 2) * 9999) / 262_142)));
      if (quota) await this.#write(join(FS, path, 'cpu.max'), `${quota} ${CPU_PERIOD_US}`);
      if (memory) await this.#write(join(FS, path, 'memory.max'), String(memory));
      return;
    }
    if (shares) await this.#write(join(FS, 'cpu', path, 'cpu.shares'), String(shares));
    if (quota) await this.#write(join(FS, 'cpu', path, 'cpu.cfs_quota_us'), String(quota));
    if (memory) await this.#write(join(FS, 'memory', path, 'memory.limit_in_bytes'), String(memory));
  }

  /** A limit that the kernel does not take leaves the pod without it: worth a word, no reason not to run it. */
  async #write(file: string, value: string): Promise<void> {
    await writeFile(file, value).catch((error: unknown) =>
      this.#log.debug('cgroup file was not written', { file, value, error: String(error) }),
    );
  }
}

/** Bytes that are in use on the machine, caches too. */
const machineMemory = async (): Promise<number> => {
  const kibibytes = keyed((await readFile('/proc/meminfo', 'utf8')).replaceAll(/: +/g, ' '));
  return ((kibibytes.get('MemTotal') ?? 0) - (kibibytes.get('MemFree') ?? 0)) * 1024;
};

const removeTree = async (path: string): Promise<void> => {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(path, entry.name));
  // Busy (a process is still going) or gone: both are for the next sweep.
  await rmdir(path).catch(() => {});
};

const keyed = (text: string): Map<string, number> =>
  new Map(
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [key = '', value = '0'] = line.split(' ');
        return [key, Number(value)];
      }),
  );
