import type { KubeObject } from '../../api/meta/object.ts';

/**
 * What the store holds: the object as JSON that begins with kind, apiVersion and metadata, and has no resourceVersion. The number is
 * known only once it is written, so it is put in as the first field of metadata whenever stored bytes are read.
 */
const MARK = Buffer.from('"metadata":{');

export const encodeStored = (object: KubeObject): Buffer => {
  const { kind, apiVersion, metadata, ...rest } = object;
  const { resourceVersion: _, ...kept } = metadata;
  return Buffer.from(JSON.stringify({ kind, apiVersion, metadata: kept, ...rest }));
};

export interface RevisionedBytes {
  bytes: Buffer;
  /** Where the resourceVersion field begins, and how long it is with its comma. */
  at: number;
  length: number;
}

/** Throws when `value` is not what `encodeStored` makes. */
export const withRevision = (value: Uint8Array, revision: number): RevisionedBytes => {
  const source = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const at = source.indexOf(MARK) + MARK.length;
  if (at < MARK.length) throw new Error('a stored value has no metadata');
  const isEmpty = source[at] === 0x7d;
  const field = `"resourceVersion":"${revision}"${isEmpty ? '' : ','}`;
  // Not from the pool: these live long, and a pool slab lives as long as its longest-lived piece.
  const bytes = Buffer.allocUnsafeSlow(source.length + field.length);
  source.copy(bytes, 0, 0, at);
  bytes.write(field, at, 'latin1');
  source.copy(bytes, at + field.length, at);
  return { bytes, at, length: field.length };
};

/** The value as it lies in the store. */
export const withoutRevision = ({ bytes, at, length }: RevisionedBytes): Buffer =>
  Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);

/** Whether `value` is what `stored` was made from. */
export const sameValue = (value: Buffer, { bytes, at, length }: RevisionedBytes): boolean =>
  value.length === bytes.length - length &&
  value.compare(bytes, 0, at, 0, at) === 0 &&
  value.compare(bytes, at + length, bytes.length, at) === 0;
