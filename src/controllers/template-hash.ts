import { SAFE_CHARACTERS } from './pods.ts';

/**
 * The hash of a template that stands in names and labels: 32-bit FNV-1a over its canonical JSON, spelled in characters that make
 * no words. The form is upstream's; the value is our own, since upstream hashes a dump of Go structures. It is never compared
 * with a template: two templates are the same when they are equal.
 */
export const templateHash = (template: unknown, collisionCount: number | undefined): string => {
  let hash = fnv1a(0x811c9dc5, Buffer.from(canonicalJson(template)));
  if (collisionCount !== undefined) hash = fnv1a(hash, Buffer.from(String(collisionCount)));
  return [...String(hash)].map((digit) => SAFE_CHARACTERS[digit.charCodeAt(0) % SAFE_CHARACTERS.length]).join('');
};

const fnv1a = (start: number, bytes: Uint8Array): number => {
  let hash = start;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
};

/** Keys in order, so that the order in which a client wrote them does not count. */
export const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  ) ?? 'null';
