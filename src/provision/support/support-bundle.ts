import { createWriteStream } from 'node:fs';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { connectionOf, parseKubeconfig } from '../../pki/kubeconfig.ts';
import { openDrivers } from '../cluster-drivers.ts';
import { step } from '../jobs/down.ts';
import { type Job, startJob } from '../jobs/job.ts';
import { type ClusterState, ClusterStateFolder } from '../state/cluster-state.ts';
import { apiFiles } from './api-files.ts';
import type { BundleFile, Collected } from './bundle-file.ts';
import { clientFiles } from './client-files.ts';
import { nodeFiles } from './node-files.ts';
import { redactObject, redactText } from './redact.ts';

/** Shorter values are words of everybody's: `admin`, `true`. */
const SHORTEST_SECRET = 8;

export interface SupportBundle {
  path: string;
  files: number;
  /** What could not be read. */
  missing: { what: string; why: string }[];
}

/**
 * One file with what somebody needs who is to find out what is wrong, without secrets. Works on a cluster of which little works: what cannot be read
 * is noted. The file appears whole, or not at all.
 */
export const writeSupportBundle = (cluster: string, options: { path: string; signal: AbortSignal }): Job<SupportBundle> =>
  startJob(async (push) => {
    const { path, signal } = options;
    const folder = new ClusterStateFolder(cluster);
    const state = await readable(folder);
    const collect = async (name: string, title: string, work: () => Promise<Collected>): Promise<Collected> =>
      step(push, { name, title }, async () => {
        signal.throwIfAborted();
        return work();
      });
    try {
      const secrets = new Set<string>(await clientSecrets(folder));
      const parts = [
        await collect('bundle-client', 'Reading what this computer knows', () => clientFiles(folder)),
        await collect('bundle-api', 'Reading the API', async () => {
          const found = await apiFiles(folder, signal);
          for (const value of found.secretValues) secrets.add(value);
          return found;
        }),
        await collect('bundle-nodes', 'Reading the nodes', async () =>
          state
            ? nodeFiles(state.spec.nodes, openDrivers(state.spec, { folder, dataDir: state.dataDir }), signal)
            : { files: [], missing: [] },
        ),
      ];
      signal.throwIfAborted();
      const files = parts.flatMap((part) => part.files).sort((one, other) => (one.path < other.path ? -1 : 1));
      const missing = parts.flatMap((part) => part.missing);
      const manifest = { createdAt: new Date().toISOString(), cluster, files: files.map((file) => file.path), missing };
      const known = [...secrets].filter((value) => value.trim().length >= SHORTEST_SECRET).sort((one, other) => other.length - one.length);
      await step(push, { name: 'bundle-write', title: 'Writing the bundle' }, () =>
        write([{ path: 'manifest.json', content: manifest }, ...files], {
          path,
          signal,
          known,
          root: path.replace(/^.*\/|\.tar\.gz$|\.tgz$/g, ''),
        }),
      );
      for (const { what, why } of missing) push({ type: 'warning', message: `not in the bundle: ${what}: ${redactText(why, known)}` });
      return { path, files: files.length, missing };
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new SlipwayError('INTERRUPTED', { tried: 'write a support bundle', cause: 'Ctrl-C was pressed; no file was written' });
    }
  });

/** A state that cannot be read is a reason for a bundle, not against it; a cluster that nobody knows is a mistyped name. */
const readable = async (folder: ClusterStateFolder): Promise<ClusterState | undefined> => {
  try {
    return await folder.require();
  } catch (error) {
    if (error instanceof SlipwayError && error.code === 'STATE_CORRUPT') return undefined;
    throw error;
  }
};

/** What this computer keeps of the cluster and must not go out: keys, to the letter, whole and line by line. */
const clientSecrets = async (folder: ClusterStateFolder): Promise<string[]> => {
  const found: string[] = [];
  const names = await readdir(folder.path, { recursive: true }).catch(() => []);
  for (const name of names.filter((each) => each.endsWith('.key') || /(^|\/)id(_[a-z0-9]+)?$/.test(each))) {
    const text = await readFile(join(folder.path, name), 'utf8').catch(() => '');
    found.push(
      text.trim(),
      ...text.split('\n').filter((line) => line.length > 30 && !line.startsWith('-----')),
      Buffer.from(text).toString('base64'),
    );
  }
  try {
    const { keyPem, token } = await connectionOf(parseKubeconfig((await folder.readFile('kubeconfig')) ?? '', folder.path));
    found.push(keyPem ?? '', token ?? '');
  } catch {
    // No kubeconfig yet: no key in it.
  }
  return found;
};

const write = async (
  files: readonly BundleFile[],
  { path, signal, known, root }: { path: string; signal: AbortSignal; known: readonly string[]; root: string },
): Promise<void> => {
  const beside = `${path}.part`;
  const archive = pack();
  const mtime = new Date();
  try {
    const writing = pipeline(archive, createGzip(), createWriteStream(beside, { mode: 0o600 }), { signal });
    for (const file of files)
      archive.entry({ name: `${root}/${file.path}`, mode: 0o600, mtime }, contentOf(file, known)).on('error', toldByPipeline);
    archive.finalize();
    await writing;
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    if (signal.aborted) throw error;
    throw new SlipwayError('STEP_FAILED', {
      tried: `write ${path}`,
      cause: error as Error,
      advice: ['slipway support bundle -o /another/place.tar.gz'],
    });
  }
};

/** A stream that fails ends its entries with the same error. */
const toldByPipeline = (): void => {};

const contentOf = ({ content }: BundleFile, known: readonly string[]): string => {
  if (typeof content !== 'string') return redactText(`${JSON.stringify(redactObject(content), undefined, 1)}\n`, known);
  return redactText(content, known);
};
