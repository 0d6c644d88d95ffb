import { HUFFMAN_LENGTHS } from './hpack-tables.ts';

/** What a step of the decoder finds: the state after it, and the byte that is complete with it. */
const NOTHING = -1;
const FAILS = -1;
const NIBBLES = 16;
const FIRST_LENGTH = 5;
const LETTER_A = 97;
const END_OF_STRING = 256;
/** More padding than that, or other bits than ones, is an error. */
const MOST_PADDING_BITS = 7;

interface Decoder {
  /** By state and the next four bits. */
  next: Int16Array;
  emits: Int16Array;
  /** Whether a string may end in that state. */
  mayEnd: Uint8Array;
}

/** Nodes of the code tree; a leaf is its byte, negative and less one. */
const treeOf = (): number[][] => {
  const symbols = Array.from(HUFFMAN_LENGTHS, (letter, symbol) => ({ symbol, bits: letter.charCodeAt(0) - LETTER_A + FIRST_LENGTH }));
  symbols.sort((left, right) => left.bits - right.bits || left.symbol - right.symbol);
  const tree: number[][] = [[]];
  let code = 0;
  let length = FIRST_LENGTH;
  for (const { symbol, bits } of symbols) {
    code <<= bits - length;
    length = bits;
    let node = 0;
    for (let bit = bits - 1; bit > 0; bit -= 1) {
      const branch = tree[node] as number[];
      const way = (code >>> bit) & 1;
      branch[way] ??= tree.push([]) - 1;
      node = branch[way] as number;
    }
    (tree[node] as number[])[code & 1] = -symbol - 1;
    code += 1;
  }
  return tree;
};

const decoderOf = (tree: number[][]): Decoder => {
  const next = new Int16Array(tree.length * NIBBLES);
  const emits = new Int16Array(tree.length * NIBBLES).fill(NOTHING);
  const mayEnd = new Uint8Array(tree.length);
  // The root, and what padding leads to from it.
  for (let node = 0, depth = 0; depth <= MOST_PADDING_BITS; depth += 1) {
    mayEnd[node] = 1;
    node = (tree[node] as number[])[1] as number;
  }
  for (let state = 0; state < tree.length; state += 1)
    for (let nibble = 0; nibble < NIBBLES; nibble += 1) {
      let node = state;
      for (let bit = 3; bit >= 0 && node !== FAILS; bit -= 1) {
        const to = (tree[node] as number[])[(nibble >>> bit) & 1] as number;
        if (to >= 0) node = to;
        else if (-to - 1 === END_OF_STRING) node = FAILS;
        else {
          // No code is shorter than five bits: there is one byte in a nibble at most.
          emits[state * NIBBLES + nibble] = -to - 1;
          node = 0;
        }
      }
      next[state * NIBBLES + nibble] = node;
    }
  return { next, emits, mayEnd };
};

const { next, emits, mayEnd } = decoderOf(treeOf());
/** The shortest code has five bits. */
const MOST_GROWTH = 8 / FIRST_LENGTH;
let decoded = Buffer.allocUnsafeSlow(4096);

/** The string that `bytes` between `from` and `to` stand for, each byte one character. Undefined when they are no such string. */
export const huffmanDecode = (bytes: Uint8Array, from: number, to: number): string | undefined => {
  const most = Math.ceil((to - from) * MOST_GROWTH);
  if (most > decoded.length) decoded = Buffer.allocUnsafeSlow(most);
  let state = 0;
  let length = 0;
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] as number;
    let step = state * NIBBLES + (byte >>> 4);
    if (emits[step] !== NOTHING) decoded[length++] = emits[step] as number;
    state = next[step] as number;
    if (state === FAILS) return undefined;
    step = state * NIBBLES + (byte & 15);
    if (emits[step] !== NOTHING) decoded[length++] = emits[step] as number;
    state = next[step] as number;
    if (state === FAILS) return undefined;
  }
  return mayEnd[state] ? decoded.toString('latin1', 0, length) : undefined;
};
