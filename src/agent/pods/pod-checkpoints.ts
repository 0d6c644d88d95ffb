import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Stored } from '../../api/meta/object.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Logger } from '../../base/log/logger.ts';

/**
 * The pods of this node as the API had them last, on disk: an agent that starts while the API is away goes on keeping them
 * running. Best effort: a checkpoint that is missing or old is put right when the API is back.
 */
export class PodCheckpoints {
  readonly #directory: string;
  readonly #log: Logger;
  readonly #saved = new Map<string, string>();
  #working: Promise<void> = Promise.resolve();

  constructor(options: { rootDir: string; log: Logger }) {
    this.#directory = join(options.rootDir, 'checkpoints');
    this.#log = options.log;
  }

  async load(): Promise<Stored<Pod>[]> {
    const pods: Stored<Pod>[] = [];
    for (const name of await readdir(this.#directory).catch(() => []))
      try {
        if (name.endsWith('.json')) pods.push(JSON.parse(await readFile(join(this.#directory, name), 'utf8')) as Stored<Pod>);
      } catch (error) {
        this.#log.warn('the checkpoint of a pod cannot be read', { name, error });
      }
    return pods;
  }

  /** Only a change of what the pod is asks for a write; its status is found again in the runtime. */
  save(pod: Stored<Pod>): void {
    const uid = pod.metadata.uid ?? '';
    const version = `${pod.metadata.generation}/${pod.metadata.deletionTimestamp}/${pod.status?.phase}`;
    if (this.#saved.get(uid) === version) return;
    this.#saved.set(uid, version);
    this.#queue(async () => {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      const file = join(this.#directory, `${uid}.json`);
      await writeFile(`${file}.new`, JSON.stringify(pod), { mode: 0o600 });
      await rename(`${file}.new`, file);
    });
  }

  remove(uid: string): void {
    this.#saved.delete(uid);
    this.#queue(() => rm(join(this.#directory, `${uid}.json`), { force: true }));
  }

  /** Forgets pods that the API has no more. */
  prune(known: ReadonlySet<string>): void {
    this.#queue(async () => {
      for (const name of await readdir(this.#directory).catch(() => []))
        if (!known.has(name.replace(/\.json$/, ''))) await rm(join(this.#directory, name), { force: true });
    });
  }

  async flushed(): Promise<void> {
    await this.#working;
  }

  #queue(work: () => Promise<void>): void {
    this.#working = this.#working.then(work).catch((error: unknown) => this.#log.warn('a checkpoint was not written', { error }));
  }
}
