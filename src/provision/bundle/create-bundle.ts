import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { PRODUCT_VERSION, SERVED_KUBERNETES_VERSION } from '../../base/product.ts';
import { packageRoot } from '../../base/templates/template.ts';
import { fileDigest } from '../../hosts/local/local-host.ts';
import { DEMO_IMAGES, PAUSE_IMAGE } from '../images/builtin-images.ts';
import { fullReference, openImageArchive } from '../images/image-archive.ts';
import { pullImage } from '../images/pull-image.ts';
import { step } from '../jobs/down.ts';
import { type Job, startJob } from '../jobs/job.ts';
import { type BundledPackage, type BundleManifest, type BundleTarget, MANIFEST, targetIn } from './bundle-manifest.ts';
import { type CollectedCluster, collectCluster } from './collect-cluster.ts';
import { collectPackages } from './collect-packages.ts';

export interface CreateBundleOptions {
  /** Where it is written. Appears whole, or not at all. */
  path: string;
  /** A cluster file: it comes along with its manifests and the images that they run. */
  file?: string | undefined;
  /** Archives to load into every node. */
  images: readonly string[];
  /** False: for hosts that have all packages. */
  packages: boolean;
  signal: AbortSignal;
}

export interface CreatedBundle {
  path: string;
  /** Of the whole file. */
  sha256: string;
  bytes: number;
  packages: number;
  images: string[];
  /** Path of the cluster file in it. */
  cluster?: string;
}

/** Everything that `up` needs where nothing can be fetched: Node.js, programs, the client itself, packages with their dependencies, images. */
export const createBundle = (options: CreateBundleOptions): Job<CreatedBundle> =>
  startJob(async (push) => {
    const { path, signal } = options;
    // Beside the result: there is room for it, or there is for neither.
    const work = await mkdtemp(join(dirname(path), '.slipway-bundle-')).catch((error: Error) => {
      throw new SlipwayError('STEP_FAILED', {
        tried: `write ${path}`,
        cause: error,
        advice: ['slipway bundle create -o /another/place.tar.gz'],
      });
    });
    const beside = join(work, 'bundle');
    try {
      await step(push, { name: 'collect-programs', title: 'Collecting programs' }, () => collectPrograms(work));
      const { file } = options;
      const cluster =
        file === undefined
          ? undefined
          : await step(push, { name: 'collect-cluster', title: `Collecting what ${basename(file)} names` }, () =>
              collectCluster(work, file),
            );
      for (const message of cluster?.warnings ?? []) push({ type: 'warning', message });
      const report = (detail: string): void => push({ type: 'step-detail', step: 'collect-images', detail });
      const references = await step(push, { name: 'collect-images', title: 'Collecting images' }, () =>
        collectImages(work, { ...options, cluster, report }),
      );
      const { target, packages } = await step(push, { name: 'collect-packages', title: 'Collecting packages' }, () =>
        options.packages ? collectPackages(work, signal) : withoutPackages(),
      );
      await rm(join(work, 'apt'), { recursive: true, force: true });
      await rm(join(work, 'packages/partial'), { recursive: true, force: true });
      await rm(join(work, 'packages/lock'), { force: true });
      await step(push, { name: 'write-bundle', title: 'Writing the bundle' }, async () => {
        await writeArchive(work, beside, { target, packages, images: references.paths, cluster: cluster?.path, signal });
        await rename(beside, path);
      });
      return {
        ...{ path, sha256: await fileDigest(path), bytes: (await stat(path)).size, packages: packages.length, images: references.names },
        ...(cluster ? { cluster: cluster.path } : {}),
      };
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new SlipwayError('INTERRUPTED', { tried: 'create a bundle', cause: 'Ctrl-C was pressed; no file was written' });
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });

const withoutPackages = async (): Promise<{ target: BundleTarget; packages: BundledPackage[] }> => ({
  target: targetIn('ID=any', process.arch === 'x64' ? 'amd64' : process.arch),
  packages: [],
});

/** What a package of npm has (package.json, `files`), so that the client itself comes along. */
const CLIENT_FILES = ['package.json', 'LICENSE', 'README.md', 'bin/slipway', 'bin/node.sh', 'dist', 'templates', 'docs'];

const collectPrograms = async (work: string): Promise<void> => {
  const root = packageRoot();
  for (const name of ['slipway.js', 'slipway-server.js', 'slipway-agent.js'])
    if (!existsSync(join(root, 'dist', name)))
      throw new SlipwayError('STEP_FAILED', { tried: `find ${name}`, cause: `${root}/dist has no such file`, advice: ['npm run build'] });
  await mkdir(join(work, 'programs'), { recursive: true });
  await copyFile(await realpath(process.execPath), join(work, 'programs/node'));
  for (const name of CLIENT_FILES)
    if (existsSync(join(root, name)))
      await cp(join(root, name), join(work, 'client', name), {
        recursive: true,
        filter: (from) => !/\.compile-cache|\/dist\/types/.test(from),
      });
};

interface CollectedImages {
  /** In the bundle. */
  paths: string[];
  names: string[];
}

/** Archives that are given, then images that manifests run and no archive has. */
const collectImages = async (
  work: string,
  options: CreateBundleOptions & { cluster: CollectedCluster | undefined; report: (detail: string) => void },
): Promise<CollectedImages> => {
  const { images, cluster, signal, report } = options;
  await mkdir(join(work, 'images'), { recursive: true });
  const found: CollectedImages = { paths: [], names: [] };
  for (const image of images) await addArchive(work, { found, name: basename(image), write: (to) => copyFile(image, to) });
  for (const { reference } of cluster?.images ?? []) {
    if (found.names.includes(fullReference(reference)) || MADE_BY_UP.includes(reference)) continue;
    report(reference);
    const advice = [`slipway bundle create -f ${options.file} --image ARCHIVE   # one of ${reference}`];
    await addArchive(work, { found, name: `${reference}.tar`, write: (archive) => pullImage(reference, { archive, signal, advice }) });
  }
  return found;
};

const MADE_BY_UP: readonly string[] = [PAUSE_IMAGE, ...DEMO_IMAGES];

/** Read once it is in: an archive that is no image is told here, and not on a machine far away. */
const addArchive = async (
  work: string,
  { found, name, write }: { found: CollectedImages; name: string; write: (to: string) => Promise<void> },
): Promise<void> => {
  const path = `images/${found.paths.length + 1}-${name.replaceAll(/[^\w.-]/g, '_')}`;
  await write(join(work, path));
  const archive = await openImageArchive(join(work, path));
  found.names.push(...archive.images.flatMap(({ references }) => references));
  await archive.dispose();
  found.paths.push(path);
};

const writeArchive = async (
  work: string,
  path: string,
  content: Pick<BundleManifest, 'target' | 'packages' | 'images' | 'cluster'> & { signal: AbortSignal },
): Promise<void> => {
  const { target, packages, images, cluster, signal } = content;
  const entries = (await readdir(work, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(work.length + 1))
    .filter((name) => name !== 'bundle')
    .sort();
  const manifest: BundleManifest = {
    ...{ format: 1, version: PRODUCT_VERSION, kubernetes: SERVED_KUBERNETES_VERSION, createdAt: new Date().toISOString() },
    ...{ target, packages, images, ...(cluster === undefined ? {} : { cluster }), files: {} },
  };
  const archive = pack();
  const writing = pipeline(archive, createGzip({ level: 1 }), createWriteStream(path, { mode: 0o644 }), { signal });
  // Its failure is thrown by the awaits below, or by itself at the end.
  writing.catch(() => {});
  for (const name of entries) {
    signal.throwIfAborted();
    const { size, mode } = await stat(join(work, name));
    const hash = createHash('sha256');
    const entry = archive.entry({ name, size, mode: mode & 0o111 || name.startsWith('programs/') ? 0o755 : 0o644 });
    await pipeline(
      createReadStream(join(work, name)),
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          yield chunk;
        }
      },
      entry,
      { signal },
    );
    manifest.files[name] = { sha256: hash.digest('hex'), size };
  }
  archive.entry({ name: MANIFEST }, `${JSON.stringify(manifest, undefined, 1)}\n`).on('error', () => {}); // The pipeline tells it.
  archive.finalize();
  await writing;
};
