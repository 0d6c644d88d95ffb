import { setTimeout as delay } from 'node:timers/promises';
import type { KubeObject } from '../../api/meta/object.ts';
import { COMMANDS } from '../../commands/index.ts';
import { durationMs } from '../args/duration.ts';
import type { Flag, Flags } from '../args/flags.ts';
import { parseArgs } from '../args/parse-args.ts';
import type { Io } from '../io.ts';
import { BUILTIN_RESOURCES } from '../kube/builtin-resources.ts';
import { fetchObjects } from '../kube/fetch.ts';
import { KUBE_FLAGS, type KubeValues, openSession } from '../kube/session.ts';
import { findCommand } from '../run-cli.ts';

/** Cobra's directives: what the shell is to do besides. */
export const DIRECTIVE = { none: 0, noFiles: 4 } as const;

export interface Completions {
  /** `value` or `value<TAB>description`. */
  values: string[];
  directive: number;
}

/** A shell waits for this: a cluster that does not answer must not hold it up. */
const TIMEOUT = '2s';

/** What may stand in place of the last word. Never throws: no answer is better than an error in a prompt. */
export const complete = async (words: readonly string[], io: Io): Promise<Completions> => {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? '';
  const { id, rest } = findCommand(before);
  const typed = before.filter((word) => !word.startsWith('-'));
  const early = flagNamed(KUBE_FLAGS, before.at(-1) ?? '');
  if (id === undefined && early && early.flag.kind !== 'boolean')
    return completeFlagValue(early, { rest: before.slice(0, -1), flags: KUBE_FLAGS, io }, current);
  const deeper = subcommands(id ?? typed.join(' '));
  if (id === undefined || (deeper.length && rest.every((word) => word.startsWith('-'))))
    if (!current.startsWith('-')) return finish(deeper, current);
  if (id === undefined) return finish([], current);
  const Command = (await COMMANDS[id]?.load())?.default;
  const flags: Flags = { ...Command?.baseFlags, ...Command?.flags };
  const last = before.at(-1) ?? '';
  const pending = last.startsWith('-') && !last.includes('=') ? flagNamed(flags, last) : undefined;
  if (pending && pending.flag.kind !== 'boolean' && pending.flag.bare === undefined)
    return completeFlagValue(pending, { rest: rest.slice(0, -1), flags, io }, current);
  const equals = /^(--[^=]+)=(.*)$/.exec(current);
  if (equals) {
    const named = flagNamed(flags, equals[1] as string);
    const found = named
      ? await completeFlagValue(named, { rest, flags, io }, equals[2] as string)
      : { values: [], directive: DIRECTIVE.none };
    return { ...found, values: found.values.map((value) => `${equals[1]}=${value}`) };
  }
  if (current.startsWith('-'))
    return finish(
      Object.entries(flags).flatMap(([name, flag]) => (flag.hidden ? [] : [`--${name}\t${flag.description}`])),
      current,
    );
  return completeArgument(id, current, { rest, flags, io });
};

interface Context {
  rest: readonly string[];
  flags: Flags;
  io: Io;
}

const finish = (values: readonly string[], current: string, directive: number = DIRECTIVE.noFiles): Completions => ({
  values: values.filter((value) => value.startsWith(current)),
  directive,
});

const subcommands = (path: string): string[] => {
  const start = path ? `${path} ` : '';
  const found = new Map<string, string>();
  for (const [id, entry] of Object.entries(COMMANDS)) {
    if (!id.startsWith(start) || entry.hidden || id.startsWith('_')) continue;
    const [word = '', deeper] = id.slice(start.length).split(' ');
    if (word && (deeper === undefined || !found.has(word))) found.set(word, deeper === undefined ? entry.summary : '');
  }
  return [...found].map(([word, summary]) => (summary ? `${word}\t${summary}` : word));
};

const flagNamed = (flags: Flags, word: string): { name: string; flag: Flag } | undefined => {
  const entry = Object.entries(flags).find(([name, flag]) => word === `--${name}` || (flag.char !== undefined && word === `-${flag.char}`));
  return entry ? { name: entry[0], flag: entry[1] } : undefined;
};

const OUTPUTS = ['json', 'yaml', 'name', 'wide', 'jsonpath=', 'go-template=', 'custom-columns='];

const completeFlagValue = async ({ name, flag }: { name: string; flag: Flag }, context: Context, current: string): Promise<Completions> => {
  if (flag.options) return finish(flag.options.filter(Boolean), current);
  if (name === 'output') return finish(OUTPUTS, current);
  if (name === 'namespace') return finish(await namesOf('namespaces', context), current);
  if (name === 'context') return finish(await contextNames(context.io), current);
  if (name === 'cluster') return finish(await clusterNames(context.io), current);
  return { values: [], directive: DIRECTIVE.none };
};

/** Commands whose words are of one type. */
const TYPE_OF: Readonly<Record<string, string>> = {
  logs: 'pods',
  exec: 'pods',
  attach: 'pods',
  'port-forward': 'pods',
  cordon: 'nodes',
  uncordon: 'nodes',
  drain: 'nodes',
};
const CLUSTER_COMMANDS = /^(up|down|start|stop|status)$/;
const TYPED_COMMANDS = /^(get|describe|delete|edit|label|annotate|patch|scale|expose|autoscale|wait|taint|explain|set |rollout )/;

const completeArgument = async (id: string, current: string, context: Context): Promise<Completions> => {
  const words = wordsOf(context);
  if (id === 'config use-context') return finish(await contextNames(context.io), current);
  if (CLUSTER_COMMANDS.test(id)) return finish(await clusterNames(context.io), current);
  const only = TYPE_OF[id];
  if (only && !current.includes('/')) return finish(words.length ? [] : await namesOf(only, context), current);
  if (!only && !TYPED_COMMANDS.test(id)) return { values: [], directive: DIRECTIVE.none };
  const slash = current.indexOf('/');
  if (slash > 0) {
    const type = current.slice(0, slash);
    return finish(
      (await namesOf(type, context)).map((name) => `${type}/${name}`),
      current,
    );
  }
  if (words[0]?.includes('/')) return finish([], current);
  if (words[0] !== undefined) return finish(await namesOf(words[0], context), current);
  return finish([...new Set(BUILTIN_RESOURCES.map(([plural]) => plural))], current);
};

const wordsOf = ({ rest, flags }: Context): string[] => {
  try {
    return parseArgs(rest, flags).words;
  } catch {
    // A half-typed line need not parse.
    return rest.filter((word) => !word.startsWith('-'));
  }
};

/** A way to the API over SSH may be long in opening: nobody waits for that while they type. */
const namesOf = (type: string, context: Context): Promise<string[]> =>
  Promise.race([askForNames(type, context), delay(durationMs(TIMEOUT), [], { ref: false })]);

const askForNames = async (type: string, { rest, flags, io }: Context): Promise<string[]> => {
  try {
    const { values } = parseArgs(rest, { ...KUBE_FLAGS, ...flags });
    const session = await openSession({ ...(values as unknown as KubeValues), 'request-timeout': TIMEOUT, v: 0 }, { ...io, err: () => {} });
    try {
      const resource = await session.resources.byArgument(type);
      return (await fetchObjects(session, { resource })).map((object: KubeObject) => object.metadata.name ?? '');
    } finally {
      await session.close();
    }
  } catch {
    // No cluster, no answer in time, no such type: nothing to offer.
    return [];
  }
};

const contextNames = async (io: Io): Promise<string[]> => {
  const { loadKubeconfig, kubeconfigPaths } = await import('../../pki/kubeconfig.ts');
  return loadKubeconfig(kubeconfigPaths(io.env)).then(
    (config) => config.contexts.map(({ name }) => name),
    () => [],
  );
};

/** Clusters that Slipway made: their contexts carry their names. */
const clusterNames = async (io: Io): Promise<string[]> =>
  (await contextNames(io)).flatMap((name) => (name.startsWith('slipway-') ? [name.slice('slipway-'.length)] : []));
