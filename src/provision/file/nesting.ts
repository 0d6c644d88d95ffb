import type { CST } from 'yaml';

/** The offset of the first value that lies deeper than `limit`, found without recursion: what composes values would run out of stack. */
export const deeperThan = (limit: number, tokens: readonly CST.Token[]): number | undefined => {
  const open: { token: CST.Token; depth: number }[] = tokens.map((token) => ({ token, depth: 0 }));
  for (let next = open.pop(); next; next = open.pop()) {
    const { token, depth } = next;
    if (depth > limit) return 'offset' in token ? token.offset : 0;
    if ('items' in token)
      for (const { key, value } of token.items) for (const inner of [key, value]) if (inner) open.push({ token: inner, depth: depth + 1 });
    if (token.type === 'document' && token.value) open.push({ token: token.value, depth });
  }
  return undefined;
};
