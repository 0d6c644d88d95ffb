import { SECTOR, sectorsOf } from './iso-sectors.ts';
import { directoryOf, directoryRecord, pathTable, volumeDescriptor } from './iso-volume.ts';

export interface SeedFile {
  name: string;
  content: string | Uint8Array;
}

/** cloud-init looks for a file system of this name. */
const VOLUME_ID = 'cidata';

/** One sector holds the names of a folder; more would need a longer folder, and no seed has more. */
const MAX_FILES = 20;

/**
 * A NoCloud seed: an ISO 9660 image with Joliet names, as the plain names can hold neither `user-data` nor small letters. By sectors:
 *
 *   0-15 empty | 16 volume | 17 Joliet volume | 18 end of volumes | 19-22 path tables | 23, 24 the two root folders | 25.. files
 *
 * The same input makes the same bytes: no clock is read.
 */
export const seedImage = (files: readonly SeedFile[]): Buffer => {
  if (files.length > MAX_FILES) throw new RangeError(`a seed holds ${MAX_FILES} files, not ${files.length}`);
  let next = 25;
  const placed = [...files]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((file, index) => {
      const content = Buffer.from(file.content);
      const at = next;
      next += sectorsOf(content.length);
      return { plainName: `FILE${index}.;1`, name: file.name, content, at };
    });
  const image = Buffer.alloc(next * SECTOR);
  const put = (sector: number, bytes: Buffer): void => void bytes.copy(image, sector * SECTOR);
  const volumes = [
    { joliet: false, descriptor: 16, little: 19, big: 20, root: 23 },
    { joliet: true, descriptor: 17, little: 21, big: 22, root: 24 },
  ];
  for (const { joliet, descriptor, little, big, root } of volumes) {
    const encode = (name: string): Buffer => (joliet ? utf16BigEndian(name) : Buffer.from(name, 'ascii'));
    put(descriptor, volumeDescriptor({ joliet, volumeId: VOLUME_ID, sectors: next, little, big, root }));
    put(little, pathTable(root, 'little'));
    put(big, pathTable(root, 'big'));
    const records = placed.map((file) =>
      directoryRecord({ name: encode(joliet ? file.name : file.plainName), at: file.at, size: file.content.length, folder: false }),
    );
    put(root, directoryOf(root, records));
  }
  put(18, Buffer.concat([Buffer.from([255]), Buffer.from('CD001'), Buffer.from([1])]));
  for (const file of placed) put(file.at, file.content);
  return image;
};

const utf16BigEndian = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();
