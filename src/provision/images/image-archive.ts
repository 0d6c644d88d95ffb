import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, pack } from 'tar-stream';
import { SlipwayError } from '../../base/errors/slipway-error.ts';

export interface Blob {
  digest: string;
  size: number;
  /** Where its bytes lie until `dispose`. */
  path: string;
}

export interface ArchivedImage {
  /** Full names with tag; may be empty. */
  references: readonly string[];
  /** The image's id: the digest of its configuration. */
  id: string;
  config: Blob;
  layers: readonly (Blob & { mediaType: string })[];
}

/** An image archive taken apart on disk. Memory use does not depend on its size. */
export interface ImageArchive {
  images: readonly ArchivedImage[];
  dispose(): Promise<void>;
}

const MAX_ENTRIES = 20_000;

/**
 * Reads a docker-archive (`docker save`, `buildah push docker-archive:`) or a tar of an OCI layout, plain or gzipped.
 * Throws IMAGE_INVALID when it is absent, cut short, or no image.
 */
export const openImageArchive = async (path: string): Promise<ImageArchive> => {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-image-'));
  const dispose = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const files = await unpack(path, folder);
    const images = files.has('oci-layout') && !files.has('manifest.json') ? await readOci(files) : await readDocker(files);
    return { images, dispose };
  } catch (error) {
    await dispose();
    if (error instanceof SlipwayError) throw error;
    throw invalid(path, error as Error);
  }
};

const invalid = (path: string, cause: string | Error): SlipwayError =>
  new SlipwayError('IMAGE_INVALID', {
    tried: `read the image archive ${path}`,
    cause,
    advice: ['docker save -o image.tar NAME', 'slipway image build -t NAME DIR'],
  });

type Files = ReadonlyMap<string, Blob>;

const unpack = async (path: string, folder: string): Promise<Files> => {
  const { size } = await stat(path);
  if (size === 0) throw new Error('the file is empty');
  const files = new Map<string, Blob>();
  const links = new Map<string, string>();
  const reader = extract();
  const gzipped = await startsGzipped(path);
  // The reader is no stream of Node's own: its errors come out of the loop below, those of the source are handed to it.
  const source = createReadStream(path);
  const plain = gzipped ? source.pipe(createGunzip()) : source;
  source.on('error', (error) => reader.destroy(error));
  plain.on('error', (error) => reader.destroy(error));
  plain.pipe(reader);
  try {
    for await (const entry of reader) {
      const name = entry.header.name.replace(/^\.\//, '');
      if (files.size >= MAX_ENTRIES) throw new Error(`it has more than ${MAX_ENTRIES} entries`);
      if (entry.header.type === 'file') files.set(name, await keep(entry, join(folder, String(files.size))));
      else {
        if (entry.header.linkname) links.set(name, join(name, '..', entry.header.linkname));
        entry.resume();
      }
    }
  } finally {
    source.destroy();
  }
  // `docker save` writes a layer that several images share once, and links to it.
  for (const [name, target] of links) {
    const blob = files.get(target);
    if (blob) files.set(name, blob);
  }
  if (files.size === 0) throw new Error('it is no tar archive');
  return files;
};

const startsGzipped = async (path: string): Promise<boolean> => {
  for await (const chunk of createReadStream(path, { end: 1 })) return (chunk as Buffer)[0] === 0x1f && (chunk as Buffer)[1] === 0x8b;
  return false;
};

const keep = async (entry: AsyncIterable<unknown>, path: string): Promise<Blob> => {
  const hash = createHash('sha256');
  let size = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  await pipeline(entry as AsyncIterable<Buffer>, measure, createWriteStream(path));
  return { digest: `sha256:${hash.digest('hex')}`, size, path };
};

const find = (files: Files, name: string): Blob => {
  const blob = files.get(name);
  if (!blob) throw new Error(`${name} is missing in it`);
  return blob;
};

const json = async <T>(blob: Blob): Promise<T> => JSON.parse(await readFile(blob.path, 'utf8')) as T;

const readDocker = async (files: Files): Promise<ArchivedImage[]> => {
  const list = files.get('manifest.json');
  if (!list) throw new Error('it has neither manifest.json nor oci-layout');
  const entries = await json<{ Config: string; RepoTags: string[] | null; Layers: string[] }[]>(list);
  return Promise.all(
    entries.map(async (entry) => {
      const config = find(files, entry.Config);
      return {
        references: (entry.RepoTags ?? []).map(fullReference),
        id: config.digest,
        config,
        layers: await Promise.all(entry.Layers.map((name) => withMediaType(find(files, name)))),
      };
    }),
  );
};

interface Descriptor {
  digest: string;
  mediaType: string;
  annotations?: Record<string, string>;
}

const readOci = async (files: Files): Promise<ArchivedImage[]> => {
  const blobOf = (digest: string): Blob => find(files, `blobs/${digest.replace(':', '/')}`);
  const images: ArchivedImage[] = [];
  const visit = async (descriptor: Descriptor, names: readonly string[]): Promise<void> => {
    const blob = blobOf(descriptor.digest);
    if (blob.digest !== descriptor.digest) throw new Error(`the content of ${descriptor.digest} is damaged`);
    const document = await json<{ manifests?: Descriptor[]; config?: Descriptor; layers?: Descriptor[] }>(blob);
    const own = descriptor.annotations?.['io.containerd.image.name'] ?? descriptor.annotations?.['org.opencontainers.image.ref.name'];
    const references = own ? [fullReference(own)] : names;
    if (document.manifests) for (const child of document.manifests) await visit(child, references);
    else if (document.config) {
      const config = blobOf(document.config.digest);
      const layers = (document.layers ?? []).map((layer) => ({ ...blobOf(layer.digest), mediaType: layer.mediaType }));
      images.push({ references, id: config.digest, config, layers });
    }
  };
  const index = await json<{ manifests: Descriptor[] }>(find(files, 'index.json'));
  for (const descriptor of index.manifests) await visit(descriptor, []);
  return images;
};

const withMediaType = async (blob: Blob): Promise<Blob & { mediaType: string }> => ({
  ...blob,
  mediaType: `application/vnd.oci.image.layer.v1.tar${(await startsGzipped(blob.path)) ? '+gzip' : ''}`,
});

/** `web` -> `docker.io/library/web:latest`, as containerd and the agent name images. */
export const fullReference = (reference: string): string => {
  const tagged = /[:@][^/]*$/.test(reference) ? reference : `${reference}:latest`;
  const first = tagged.split('/')[0] as string;
  if (!tagged.includes('/')) return `docker.io/library/${tagged}`;
  return /[.:]/.test(first) || first === 'localhost' ? tagged : `docker.io/${tagged}`;
};

/**
 * Writes an OCI layout of one image to a file, without the layers that the other side has already: containerd takes those from its
 * own store.
 */
export const writeOciArchive = async (image: ArchivedImage, path: string, options: { without: ReadonlySet<string> }): Promise<void> => {
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: image.config.digest, size: image.config.size },
    layers: image.layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  });
  const digest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
  const descriptor = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: Buffer.byteLength(manifest) };
  const names = image.references.length ? image.references : [`import.slipway.local/${image.id.slice(7, 19)}:latest`];
  const index = JSON.stringify({
    schemaVersion: 2,
    manifests: names.map((name) => ({ ...descriptor, annotations: { 'io.containerd.image.name': name } })),
  });
  const archive = pack();
  const writing = pipeline(archive, createWriteStream(path));
  const addText = (name: string, text: string): void => void archive.entry({ name, mtime: new Date(0) }, text);
  addText('oci-layout', '{"imageLayoutVersion":"1.0.0"}');
  addText(`blobs/${digest.replace(':', '/')}`, manifest);
  const blobs = new Map([image.config, ...image.layers].map((blob) => [blob.digest, blob]));
  for (const blob of blobs.values()) {
    if (options.without.has(blob.digest)) continue;
    const entry = archive.entry({ name: `blobs/${blob.digest.replace(':', '/')}`, size: blob.size, mtime: new Date(0) });
    await pipeline(createReadStream(blob.path), entry);
  }
  addText('index.json', index);
  archive.finalize();
  await writing;
};
