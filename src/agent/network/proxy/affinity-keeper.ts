import type { RunTool } from '../run-tool.ts';
import { TABLE } from './transaction.ts';

/** Who is bound to which endpoint, by set. Seconds left, so that it ends when it would have ended. */
export type AffinityState = ReadonlyMap<string, readonly { client: string; secondsLeft: number }[]>;

interface ListedSet {
  set?: { name: string; elem?: { elem?: { val?: unknown; expires?: number } }[] };
}

/**
 * Reads the session affinity that an earlier agent's table holds, before that is replaced: clients stay with their endpoint while
 * an agent restarts. No table, or one that cannot be read, is no affinity.
 */
export const readAffinity = async (run: RunTool): Promise<AffinityState> => {
  const state = new Map<string, { client: string; secondsLeft: number }[]>();
  const text = await run('nft', ['-j', 'list', 'table', ...TABLE.split(' ')]).catch(() => undefined);
  if (text === undefined) return state;
  const { nftables = [] } = JSON.parse(text) as { nftables?: ListedSet[] };
  for (const { set } of nftables) {
    if (!set?.name.startsWith('aff/') || !set.elem) continue;
    const clients = set.elem.flatMap(({ elem }) =>
      typeof elem?.val === 'string' && elem.expires !== undefined ? [{ client: elem.val, secondsLeft: Math.max(1, elem.expires) }] : [],
    );
    if (clients.length > 0) state.set(set.name, clients);
  }
  return state;
};

/** For the sets that exist in the new table. Their timeout is the last part of their name. */
export const affinityCommands = (state: AffinityState, sets: ReadonlySet<string>): string[] =>
  [...state]
    .filter(([name]) => sets.has(name))
    .map(([name, clients]) => {
      const timeout = name.split('/').at(-1);
      const elements = clients.map(({ client, secondsLeft }) => `${client} timeout ${timeout}s expires ${secondsLeft}s`);
      return `add element ${TABLE} ${name} { ${elements.join(', ')} }`;
    });
