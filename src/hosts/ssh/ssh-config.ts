import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

/** What the user's ssh configuration says of a host. */
export interface HostSettings {
  hostName?: string | undefined;
  user?: string | undefined;
  port?: number | undefined;
  identityFile?: string | undefined;
  /** The hosts on the way, the first one first. */
  proxyJump?: readonly string[] | undefined;
}

/** A `Host` block: whom it is for, and what it sets, in order. */
export interface ConfigBlock {
  patterns: readonly string[];
  settings: readonly (readonly [keyword: string, value: string])[];
}

const MAX_DEPTH = 8;

/** ~/.ssh/config, then that of the machine; a file that is not there says nothing. */
export const readSshConfig = async (
  files: readonly string[] = [join(homedir(), '.ssh', 'config'), '/etc/ssh/ssh_config'],
): Promise<ConfigBlock[]> => (await Promise.all(files.map((file) => blocksOf(file, ['*'], 0)))).flat();

/**
 * As ssh does it: the first value that is found for a keyword counts. Of the keywords, HostName, User, Port, IdentityFile and ProxyJump are
 * taken; `Match` blocks other than `Match all` are passed over.
 */
export const settingsOf = (blocks: readonly ConfigBlock[], host: string): HostSettings => {
  const found = new Map<string, string>();
  for (const { patterns, settings } of blocks)
    if (matches(patterns, host)) for (const [keyword, value] of settings) if (!found.has(keyword)) found.set(keyword, value);
  const jump = found.get('proxyjump');
  const identity = found.get('identityfile');
  return {
    hostName: found.get('hostname')?.replaceAll('%h', host),
    user: found.get('user'),
    port: found.has('port') ? Number(found.get('port')) : undefined,
    identityFile: identity === 'none' ? undefined : identity?.replace(/^~\//, `${homedir()}/`).replaceAll('%d', homedir()),
    proxyJump: jump === undefined || jump === 'none' ? undefined : jump.split(',').map((hop) => hop.trim().replace(/^ssh:\/\//, '')),
  };
};

const blocksOf = async (file: string, patterns: readonly string[], depth: number): Promise<ConfigBlock[]> => {
  const text = await readFile(file, 'utf8').catch(() => '');
  const blocks: ConfigBlock[] = [];
  let current: {
    patterns: readonly string[];
    settings: (readonly [string, string])[];
  } = { patterns, settings: [] };
  for (const [keyword, value] of linesOf(text)) {
    if (keyword === 'host' || keyword === 'match') {
      blocks.push(current);
      current = { patterns: keyword === 'host' ? wordsOf(value) : value.toLowerCase() === 'all' ? ['*'] : [], settings: [] };
    } else if (keyword === 'include' && depth < MAX_DEPTH) {
      blocks.push(current);
      for (const path of wordsOf(value).flatMap((word) => includedFiles(word, file)))
        blocks.push(...(await blocksOf(path, current.patterns, depth + 1)).map((block) => within(block, current.patterns)));
      current = { patterns: current.patterns, settings: [] };
    } else current.settings.push([keyword, wordsOf(value)[0] ?? '']);
  }
  return [...blocks, current];
};

/** What is included inside a block that is for nobody is for nobody. Other nesting is rare, and taken as if it stood outside. */
const within = (block: ConfigBlock, patterns: readonly string[]): ConfigBlock => (patterns.length ? block : { ...block, patterns: [] });

const includedFiles = (word: string, from: string): string[] => {
  const path = word.replace(/^~\//, `${homedir()}/`);
  return globSync(isAbsolute(path) ? path : join(dirname(from), path)).sort();
};

/** `Keyword value` and `Keyword=value`; comments and empty lines are left out. */
const linesOf = (text: string): [keyword: string, value: string][] =>
  text.split('\n').flatMap((line): [string, string][] => {
    const match = /^\s*([A-Za-z]+)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(line);
    return match?.[1] ? [[match[1].toLowerCase(), match[2] ?? '']] : [];
  });

const wordsOf = (value: string): string[] => [...value.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');

const matches = (patterns: readonly string[], host: string): boolean =>
  patterns.some((pattern) => !pattern.startsWith('!') && expression(pattern).test(host)) &&
  !patterns.some((pattern) => pattern.startsWith('!') && expression(pattern.slice(1)).test(host));

const expression = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    'i',
  );
