import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { PRODUCT_VERSION } from '../../base/product.ts';
import { slipwayHome } from '../state/cluster-state.ts';
import { type BundleManifest, MANIFEST, manifestProblem } from './bundle-manifest.ts';

/** A bundle that was found whole, unpacked. */
export interface OpenBundle {
  manifest: BundleManifest;
  /** Of a file in it, on this computer. */
  pathOf(name: string): string;
  dispose(): Promise<void>;
}

/** Bytes of a manifest; beyond it the file is none of ours. */
const MANIFEST_LIMIT = 16 * 1024 * 1024;

/** Unpacks and checks everything before anything of it is used. Throws BUNDLE_INVALID, BUNDLE_MISMATCH. */
export const openBundle = async (path: string, signal: AbortSignal): Promise<OpenBundle> => {
  const invalid = (cause: string | Error): SlipwayError =>
    new SlipwayError('BUNDLE_INVALID', {
      tried: `use the bundle ${path}`,
      cause,
      advice: ['copy it again and compare: sha256sum', 'slipway bundle create -o FILE'],
    });
  const home = slipwayHome();
  await mkdir(home, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(home, 'bundle-'));
  const dispose = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const unpacked = await unpack(path, folder, signal).catch((error: NodeJS.ErrnoException) => {
      if (signal.aborted) throw error;
      // What the system says (no such file, disk full) stands for itself; the rest comes from decompressing and unpacking.
      throw invalid(error.syscall ? error : `it is cut short or damaged (${error.message})`);
    });
    if (unpacked.manifest === undefined) throw invalid('it has no manifest: it is cut short, or no bundle');
    const manifest = parse(unpacked.manifest, invalid);
    const problem = manifestProblem(manifest, PRODUCT_VERSION);
    if (problem) throw new SlipwayError('BUNDLE_MISMATCH', { tried: `use the bundle ${path}`, cause: problem });
    const names = new Set([...Object.keys(manifest.files), ...unpacked.digests.keys()]);
    for (const name of names)
      if (manifest.files[name]?.sha256 !== unpacked.digests.get(name))
        throw invalid(unpacked.digests.has(name) ? `${name} is not what its manifest says` : `${name} is not in it`);
    return { manifest, pathOf: (name) => join(folder, name), dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
};

const parse = (text: string, invalid: (cause: string) => SlipwayError): BundleManifest => {
  try {
    return JSON.parse(text) as BundleManifest;
  } catch {
    throw invalid('its manifest is not JSON');
  }
};

const unpack = async (path: string, folder: string, signal: AbortSignal): Promise<{ digests: Map<string, string>; manifest?: string }> => {
  const digests = new Map<string, string>();
  let manifest: string | undefined;
  const archive = extract();
  const reading = pipeline(createReadStream(path), createGunzip(), archive, { signal });
  // Thrown where it is awaited, below.
  reading.catch(() => {});
  for await (const entry of archive) {
    const { name, type, mode = 0o644, size = 0 } = entry.header;
    const to = join(folder, normalize(`/${name}`));
    if (type !== 'file') {
      entry.resume();
      continue;
    }
    if (name === MANIFEST) {
      if (size > MANIFEST_LIMIT) throw new Error('its manifest is too large for one');
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      manifest = Buffer.concat(chunks).toString();
      continue;
    }
    await mkdir(dirname(to), { recursive: true });
    const hash = createHash('sha256');
    const hashing = async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        yield chunk;
      }
    };
    await pipeline(entry, hashing, createWriteStream(to, { mode: mode & 0o755 }));
    digests.set(name, hash.digest('hex'));
  }
  await reading;
  return { digests, ...(manifest === undefined ? {} : { manifest }) };
};
