import { CommandError, UsageError } from '../errors.ts';

/** `a=1 b=2 c-` into what is set and what is removed. Throws UsageError in kubectl's words. */
export const parseChanges = (words: readonly string[], what: string): { set: Record<string, string>; remove: string[] } => {
  const set: Record<string, string> = {};
  const remove: string[] = [];
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals > 0) set[word.slice(0, equals)] = word.slice(equals + 1);
    else if (equals < 0 && word.endsWith('-') && word.length > 1) remove.push(word.slice(0, -1));
    else throw new UsageError(`unknown ${what} specification: "${word}"`);
  }
  const both = remove.filter((key) => key in set);
  if (both.length) throw new UsageError(`can not both modify and remove a ${what} in the same command`);
  return { set, remove };
};

/** Words up to the first that is a change (`key=value` or `key-`): the objects; the rest: the changes. */
export const splitTargetsAndChanges = (words: readonly string[]): { targets: string[]; changes: string[] } => {
  const first = words.findIndex((word) => word.includes('=') || word.endsWith('-'));
  if (first < 0) return { targets: [...words], changes: [] };
  return { targets: words.slice(0, first), changes: words.slice(first) };
};

/** `a=1,b=2` of a flag. */
export const parsePairs = (pairs: readonly string[], flag: string): Record<string, string> =>
  Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf('=');
      if (equals < 1) throw new CommandError(`unexpected --${flag} value "${pair}": write KEY=VALUE`);
      return [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
