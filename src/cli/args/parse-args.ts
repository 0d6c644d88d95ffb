import { nearest } from '../../base/text/nearest.ts';
import { UsageError } from '../errors.ts';
import type { Flag, Flags } from './flags.ts';

export interface ParsedArgs {
  values: Record<string, unknown>;
  /** Names of the flags that were given. */
  given: ReadonlySet<string>;
  /** Words that are no flags, in order, those after `--` included. */
  words: string[];
  /** How many of `words` stood before `--`; -1 where there was none. */
  dashAt: number;
}

/**
 * Splits a command line into flags and words, with pflag's rules, because users type what kubectl takes: flags and words mix, `-it`,
 * `-ojson`, `--wait=false`, a value may begin with a dash, the last of a repeated flag wins. Throws UsageError.
 */
export const parseArgs = (argv: readonly string[], flags: Flags): ParsedArgs => {
  const byChar = new Map(Object.entries(flags).flatMap(([name, flag]) => (flag.char ? [[flag.char, name] as const] : [])));
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(flags)) values[name] = flag.kind === 'list' ? [] : flag.default;
  const given = new Set<string>();
  const words: string[] = [];
  let dashAt = -1;

  const set = (name: string, text: string): void => {
    const flag = flags[name] as Flag;
    const value = parseValue(name, flag, text);
    values[name] = flag.kind === 'list' && given.has(name) ? [...(values[name] as string[]), ...(value as string[])] : value;
    given.add(name);
  };

  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] as string;
    const next = (label: string): string => {
      index += 1;
      if (index >= argv.length) throw new UsageError(`flag needs an argument: ${label}`);
      return argv[index] as string;
    };
    if (word === '--') {
      dashAt = words.length;
      words.push(...argv.slice(index + 1));
      break;
    }
    if (word === '-' || !word.startsWith('-')) words.push(word);
    else if (word.startsWith('--')) {
      const equals = word.indexOf('=');
      const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
      const flag = flags[name];
      if (!flag) throw unknownFlag(`--${name}`, name, flags);
      if (equals >= 0) set(name, word.slice(equals + 1));
      else if (flag.kind === 'boolean') set(name, 'true');
      else set(name, flag.bare ?? next(`--${name}`));
    } else parseShort(word, { flags, byChar, set, next });
  }
  return { values, given, words, dashAt };
};

interface ShortContext {
  flags: Flags;
  byChar: ReadonlyMap<string, string>;
  set: (name: string, text: string) => void;
  next: (label: string) => string;
}

/** `-it`, `-ojson`, `-o=json`, `-n default`. */
const parseShort = (word: string, context: ShortContext): void => {
  for (let at = 1; at < word.length; at += 1) {
    const char = word[at] as string;
    const name = context.byChar.get(char);
    const flag = name === undefined ? undefined : context.flags[name];
    if (name === undefined || !flag) throw new UsageError(`unknown shorthand flag: '${char}' in ${word}`);
    const rest = word.slice(at + 1);
    if (rest.startsWith('=')) {
      context.set(name, rest.slice(1));
      return;
    }
    if (flag.kind === 'boolean') context.set(name, 'true');
    else if (flag.bare !== undefined) context.set(name, flag.bare);
    else {
      context.set(name, rest === '' ? context.next(`'${char}' in ${word}`) : rest);
      return;
    }
  }
};

const parseValue = (name: string, flag: Flag, text: string): unknown => {
  const wrong = (why: string): UsageError => new UsageError(`invalid argument "${text}" for "--${name}" flag: ${why}`);
  if (flag.kind === 'boolean') {
    if (/^(1|t|true|True|TRUE|T)$/.test(text)) return true;
    if (/^(0|f|false|False|FALSE|F)$/.test(text)) return false;
    throw wrong('it is either true or false');
  }
  if (flag.kind === 'integer') {
    if (!/^[+-]?\d+$/.test(text)) throw wrong('it is not a whole number');
    return Number(text);
  }
  if (flag.options && !flag.options.includes(text)) throw wrong(`it must be one of ${flag.options.join(', ')}`);
  if (flag.kind === 'list') return flag.splitOnComma ? text.split(',').filter((part) => part !== '') : [text];
  return text;
};

const unknownFlag = (shown: string, name: string, flags: Flags): UsageError => {
  const near = nearest(
    name,
    Object.entries(flags).flatMap(([known, flag]) => (flag.hidden ? [] : [known])),
  );
  return new UsageError(
    `unknown flag: ${shown}`,
    near.length ? `did you mean ${near.map((flag) => `--${flag}`).join(' or ')}?` : undefined,
  );
};
