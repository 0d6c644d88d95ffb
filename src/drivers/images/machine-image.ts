import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { fileDigest } from '../../hosts/local/local-host.ts';
import { downloadFile } from './download-file.ts';

/** An image that virtual machines start from, as a person names it. */
export interface ImageSource {
  /** A path, or an http(s) URL. */
  image: string;
  /** Of the file as it is published. */
  sha256?: string | undefined;
}

export interface ImageFile {
  path: string;
  format: 'qcow2' | 'raw' | 'vmdk' | 'vdi';
  bytes: number;
  /** A raw image without one starts with a kernel of its own only; nearly every disk has one, those with a GPT too. */
  bootSector: boolean;
}

export interface FetchOptions {
  /** Where downloads are kept: shared by all clusters of this user. */
  cacheDir: string;
  signal: AbortSignal;
  progress: (message: string) => void;
}

/** Of all drivers, and kept when clusters go. */
export const imageCacheDir = (): string => join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'slipway', 'images');

export const isUrl = (image: string): boolean => /^https?:\/\//.test(image);

/**
 * The same for the same content as far as can be told without reading it: the checksum, or where the file came from and how it looks.
 * Names what is made of an image. Throws MACHINE_IMAGE_MISSING.
 */
export const imageKey = async ({ image, sha256 }: ImageSource): Promise<string> => {
  const text = sha256 ?? (isUrl(image) ? image : `${image} ${await sizeAndTime(image)}`);
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
};

const sizeAndTime = async (path: string): Promise<string> => {
  const found = await stat(path).catch((error: Error) => {
    throw imageMissing(path, error);
  });
  return `${found.size} ${found.mtimeMs}`;
};

/**
 * The image as a file of this computer: downloaded where it is a URL (going on where an earlier download broke off), and compared with
 * its checksum. Throws MACHINE_IMAGE_MISSING, MACHINE_IMAGE_INVALID, DISK_FULL.
 */
export const fetchImage = async (source: ImageSource, options: FetchOptions): Promise<ImageFile> => {
  const { image, sha256 } = source;
  if (image.startsWith('http:') && !sha256)
    throw new SlipwayError('MACHINE_IMAGE_INVALID', {
      tried: `use the image ${image}`,
      cause: 'it comes unencrypted, and no checksum is given that it could be compared with',
      advice: ['imageSha256: ...   # beside the image', `image: ${image.replace('http:', 'https:')}`],
    });
  const path = isUrl(image)
    ? await downloadFile(image, { path: join(options.cacheDir, `${await imageKey(source)}-${fileNameOf(image)}`), ...options })
    : image;
  const bytes = (
    await stat(path).catch((error: Error) => {
      throw imageMissing(image, error);
    })
  ).size;
  if (sha256) {
    const found = await fileDigest(path);
    if (found !== sha256.toLowerCase())
      throw new SlipwayError('MACHINE_IMAGE_INVALID', {
        tried: `use the image ${image}`,
        cause: `its sha256 is ${found}, not ${sha256}`,
        advice: isUrl(image) ? [`rm ${path}   # then it is downloaded again`] : [`sha256sum ${path}`],
      });
  }
  return { path, bytes, ...(await look(path, bytes)) };
};

const imageMissing = (image: string, cause: Error): SlipwayError =>
  new SlipwayError('MACHINE_IMAGE_MISSING', { tried: `use the image ${image}`, cause, advice: [`ls -l ${image}`] });

const fileNameOf = (url: string): string =>
  new URL(url).pathname
    .split('/')
    .at(-1)
    ?.replaceAll(/[^\w.-]/g, '_') || 'image';

/** By the first bytes: names lie. */
const look = async (path: string, bytes: number): Promise<Pick<ImageFile, 'format' | 'bootSector'>> => {
  const file = await open(path);
  try {
    const head = Buffer.alloc(512);
    await file.read(head, 0, head.length, 0);
    return { format: formatOf(head, { path, bytes }), bootSector: head.readUInt16BE(510) === 0x55aa };
  } finally {
    await file.close();
  }
};

const formatOf = (head: Buffer, { path, bytes }: { path: string; bytes: number }): ImageFile['format'] => {
  const invalid = (cause: string, advice: string) =>
    new SlipwayError('MACHINE_IMAGE_INVALID', { tried: `use the image ${path}`, cause, advice: [advice] });
  if (head.subarray(0, 4).equals(Buffer.from('QFI\xfb', 'latin1'))) {
    if (isWholeQcow2(head, bytes)) return 'qcow2';
    throw invalid('it is a qcow2 image that is damaged, or was not copied to its end', `qemu-img check ${path}`);
  }
  if (head.subarray(0, 4).toString() === 'KDMV') return 'vmdk';
  if (head.subarray(64, 68).equals(Buffer.from([0x7f, 0x10, 0xda, 0xbe]))) return 'vdi';
  for (const [magic, what] of ARCHIVES)
    if (head.subarray(0, magic.length).equals(magic)) throw invalid(`it is ${what}, not the image of a disk`, `file ${path}`);
  return 'raw';
};

/** Of the versions that there are, and with its table of clusters within the file: else QEMU, or libvirt, takes it for raw bytes or fails late. */
const isWholeQcow2 = (head: Buffer, bytes: number): boolean => {
  const tableEnd = head.readBigUInt64BE(40) + 8n * BigInt(head.readUInt32BE(36));
  return [2, 3].includes(head.readUInt32BE(4)) && tableEnd <= BigInt(bytes);
};

const ARCHIVES: readonly [Buffer, string][] = [
  [Buffer.from([0x1f, 0x8b]), 'compressed by gzip'],
  [Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a]), 'compressed by xz'],
  [Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), 'compressed by zstd'],
  [Buffer.from('PK\x03\x04'), 'a zip archive'],
  [Buffer.from('<!'), 'a web page'],
];
