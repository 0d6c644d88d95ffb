import { both16, both32, SECTOR } from './iso-sectors.ts';

/** ECMA-119, 8.4 and 8.5: what the volume is called and where its tables and root folder are. */
export const volumeDescriptor = (volume: {
  joliet: boolean;
  volumeId: string;
  sectors: number;
  /** Sectors of the path tables in either byte order, and of the root folder. */
  little: number;
  big: number;
  root: number;
}): Buffer => {
  const { joliet } = volume;
  const bytes = Buffer.alloc(SECTOR);
  const text = (at: number, length: number, value: string): void => {
    const padded = joliet
      ? Buffer.from(value.padEnd(length >> 1, ' '), 'utf16le').swap16()
      : Buffer.from(value.padEnd(length, ' '), 'ascii');
    padded.subarray(0, length).copy(bytes, at);
  };
  bytes[0] = joliet ? 2 : 1;
  bytes.write('CD001', 1, 'ascii');
  bytes[6] = 1;
  text(8, 32, '');
  text(40, 32, volume.volumeId);
  both32(volume.sectors).copy(bytes, 80);
  // Joliet level 3: names in UCS-2.
  if (joliet) bytes.write('%/E', 88, 'ascii');
  both16(1).copy(bytes, 120);
  both16(1).copy(bytes, 124);
  both16(SECTOR).copy(bytes, 128);
  both32(PATH_TABLE_BYTES).copy(bytes, 132);
  bytes.writeUInt32LE(volume.little, 140);
  bytes.writeUInt32BE(volume.big, 148);
  directoryRecord({ name: SELF, at: volume.root, size: SECTOR, folder: true }).copy(bytes, 156);
  for (const [at, length] of [
    [190, 128],
    [318, 128],
    [446, 128],
    [574, 128],
    [702, 37],
    [739, 37],
    [776, 37],
  ] as const)
    text(at, length, '');
  for (const at of [813, 830, 847, 864]) bytes.write('0'.repeat(16), at, 'ascii');
  bytes[881] = 1;
  return bytes;
};

const SELF = Buffer.from([0]);
const PARENT = Buffer.from([1]);
const PATH_TABLE_BYTES = 10;

/** ECMA-119, 9.1. Padded to an even length. */
export const directoryRecord = (entry: { name: Buffer; at: number; size: number; folder: boolean }): Buffer => {
  const length = 33 + entry.name.length + (entry.name.length % 2 ? 0 : 1);
  const bytes = Buffer.alloc(length);
  bytes[0] = length;
  both32(entry.at).copy(bytes, 2);
  both32(entry.size).copy(bytes, 10);
  // 2026-01-01: of no use to anyone, but some readers refuse a date of zeros.
  Buffer.from([126, 1, 1, 0, 0, 0, 0]).copy(bytes, 18);
  bytes[25] = entry.folder ? 2 : 0;
  both16(1).copy(bytes, 28);
  bytes[32] = entry.name.length;
  entry.name.copy(bytes, 33);
  return bytes;
};

/** One sector: itself, its parent (itself again, as it is the root), then its files. */
export const directoryOf = (at: number, records: readonly Buffer[]): Buffer => {
  const self = (name: Buffer): Buffer => directoryRecord({ name, at, size: SECTOR, folder: true });
  const all = Buffer.concat([self(SELF), self(PARENT), ...records]);
  if (all.length > SECTOR) throw new RangeError('the names of a seed do not fit into one sector');
  return all;
};

/** ECMA-119, 9.4, for a volume that has a root and nothing below it. */
export const pathTable = (root: number, order: 'little' | 'big'): Buffer => {
  const bytes = Buffer.alloc(PATH_TABLE_BYTES);
  bytes[0] = 1;
  if (order === 'little') bytes.writeUInt32LE(root, 2);
  else bytes.writeUInt32BE(root, 2);
  if (order === 'little') bytes.writeUInt16LE(1, 6);
  else bytes.writeUInt16BE(1, 6);
  return bytes;
};
