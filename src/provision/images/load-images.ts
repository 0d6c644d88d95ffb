import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createProgressQueue, type ProgressEvent } from '../../base/progress.ts';
import type { Host } from '../../hosts/host.ts';
import { NODE_PATHS } from '../spec/node-paths.ts';
import { type ArchivedImage, openImageArchive, writeOciArchive } from './image-archive.ts';

const CTR = ['ctr', '--address', NODE_PATHS.containerdSocket, '--namespace', 'k8s.io'] as const;
/** Where an archive lies on a node while it is imported. */
const NODE_FOLDER = `${NODE_PATHS.data}/images`;

/** An archive file, or the bytes of one (the images that Slipway makes itself). */
export type ImageSource = { path: string } | { name: string; bytes: Uint8Array };

/**
 * Loads archives into the nodes' containerd, all nodes at once: nothing where the node has the image under that name, and only the
 * layers that it lacks. The archives are read before any node is touched. Throws IMAGE_INVALID and COMMAND_FAILED.
 */
export async function* loadImages(hosts: readonly Host[], sources: readonly ImageSource[]): AsyncGenerator<ProgressEvent> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-load-'));
  const archives: Awaited<ReturnType<typeof openImageArchive>>[] = [];
  try {
    yield { type: 'step-started', step: 'read-images', title: `Reading ${sources.length} image archive${sources.length === 1 ? '' : 's'}` };
    try {
      for (const [index, source] of sources.entries()) {
        const path = 'path' in source ? source.path : join(folder, `source-${index}.tar`);
        if ('bytes' in source) await writeFile(path, source.bytes);
        archives.push(await openImageArchive(path));
      }
    } catch (error) {
      yield { type: 'step-failed', step: 'read-images', reason: messageOf(error) };
      throw error;
    }
    yield { type: 'step-done', step: 'read-images', changed: false };
    const images = archives.flatMap((archive) => archive.images);
    const queue = createProgressQueue();
    const work = Promise.all(hosts.map((host) => loadOnHost(host, images, { folder, report: queue.push })));
    work.then(
      () => queue.end(),
      (error: unknown) => queue.end(error),
    );
    yield* queue.events;
  } finally {
    await Promise.all([...archives.map((archive) => archive.dispose()), rm(folder, { recursive: true, force: true })]);
  }
}

const loadOnHost = async (
  host: Host,
  images: readonly ArchivedImage[],
  options: { folder: string; report: (event: ProgressEvent) => void },
): Promise<void> => {
  const { report } = options;
  const present = await imagesOf(host);
  for (const image of images) {
    const name = image.references[0] ?? image.id;
    const step = 'load-image';
    report({ type: 'step-started', step, title: `Loading ${name}`, node: host.name });
    const isThere = image.references.length > 0 && image.references.every((reference) => present.get(reference) === image.id);
    try {
      if (!isThere) await loadImage(host, image, options);
    } catch (error) {
      report({ type: 'step-failed', step, reason: messageOf(error), node: host.name });
      throw error;
    }
    report({ type: 'step-done', step, changed: !isThere, node: host.name });
  }
};

const loadImage = async (
  host: Host,
  image: ArchivedImage,
  { folder, report }: { folder: string; report: (event: ProgressEvent) => void },
): Promise<void> => {
  const known = new Set((await host.run([...CTR, 'content', 'ls', '-q'])).stdout.split('\n').filter(Boolean));
  const file = join(folder, `${basename(host.name).replace(/\W+/g, '-')}-${image.id.slice(7, 19)}.tar`);
  await writeOciArchive(image, file, { without: known });
  const missing = image.layers.filter((layer) => !known.has(layer.digest));
  report({ type: 'step-detail', step: 'load-image', detail: `${missing.length} of ${image.layers.length} layers`, node: host.name });
  const target = `${NODE_FOLDER}/${image.id.slice(7, 19)}.tar`;
  await host.copyFile(file, target, { mode: 0o600 });
  await host.run([...CTR, 'images', 'import', target], { timeoutMs: 600_000 });
  await host.run(['rm', '-f', target]);
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Reference -> id of what the node's runtime has. */
export const imagesOf = async (host: Host): Promise<Map<string, string>> => {
  const { stdout, exitCode } = await host
    .run(['crictl', '--image-endpoint', `unix://${NODE_PATHS.containerdSocket}`, 'images', '-o', 'json'], { check: false })
    .catch(() => ({ stdout: '', exitCode: 1 }));
  if (exitCode === 0) {
    const { images } = JSON.parse(stdout) as { images: { id: string; repoTags: string[] }[] };
    return new Map(images.flatMap((image) => image.repoTags.map((tag) => [tag, image.id] as const)));
  }
  return imagesByContent(host);
};

/** Without crictl: the configuration digest stands in each image's manifest. */
const imagesByContent = async (host: Host): Promise<Map<string, string>> => {
  const { stdout } = await host.run([...CTR, 'images', 'ls']);
  const rows = stdout
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [reference, , digest] = line.trim().split(/\s+/);
      return reference && digest && !reference.startsWith('sha256:') ? [{ reference, digest }] : [];
    });
  const ids = new Map<string, string>();
  const byDigest = new Map<string, Promise<string | undefined>>();
  for (const { reference, digest } of rows) {
    const reading = byDigest.get(digest) ?? configDigest(host, digest);
    byDigest.set(digest, reading);
    const id = await reading;
    if (id) ids.set(reference, id);
  }
  return ids;
};

const configDigest = async (host: Host, digest: string): Promise<string | undefined> => {
  const { stdout, exitCode } = await host.run([...CTR, 'content', 'get', digest], { check: false });
  if (exitCode !== 0) return undefined;
  try {
    return (JSON.parse(stdout) as { config?: { digest: string } }).config?.digest;
  } catch {
    // An index of several platforms, or content of another kind: treated as not there, and imported again.
    return undefined;
  }
};
