/** Bytes of a sector of ISO 9660. */
export const SECTOR = 2048;

export const sectorsOf = (bytes: number): number => Math.max(1, Math.ceil(bytes / SECTOR));

/** Numbers stand in both byte orders, one behind the other. */
export const both16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(value, 0);
  bytes.writeUInt16BE(value, 2);
  return bytes;
};

export const both32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(value, 0);
  bytes.writeUInt32BE(value, 4);
  return bytes;
};
