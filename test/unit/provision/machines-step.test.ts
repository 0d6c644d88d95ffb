/** What is taken back when `up` fails: machines that it made, and what a driver makes for all machines where the cluster had none of its before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterContext } from '../../../src/provision/cluster-context.ts';
import { machines } from '../../../src/provision/steps/machines.ts';

/** Nodes as `name:driver`; answers what was taken back. */
const takenBack = async (nodes: readonly string[], newNodes: readonly string[]): Promise<string[]> => {
  const done: string[] = [];
  const all = nodes.map((text) => ({ name: text.split(':')[0] ?? '', driver: text.split(':')[1] ?? '' }));
  const driver = (name: string) => ({
    name,
    destroy: async (id: { name: string }) => void done.push(`${name}: ${id.name}`),
    destroyShared: async () => void done.push(`${name}: what is shared`),
  });
  const context = {
    spec: { name: 'demo', nodes: all },
    state: { spec: { nodes: all } },
    newNodes,
    drivers: {
      of: async (node: { driver: string }) => driver(node.driver),
      used: async () => [...new Set(all.map((node) => node.driver))].map(driver),
    },
  } as unknown as ClusterContext;
  await machines.undo?.(context);
  return done;
};

test('of a cluster that is new, all', async () => {
  assert.deepEqual(await takenBack(['a:local', 'b:local'], ['a', 'b']), ['local: a', 'local: b', 'local: what is shared']);
});

test('of nodes that came, only their machines', async () => {
  assert.deepEqual(await takenBack(['a:local', 'b:local'], ['b']), ['local: b']);
});

test('of a pool that brings another driver, also what that made for it', async () => {
  assert.deepEqual(await takenBack(['a:local', 'b:aws'], ['b']), ['aws: b', 'aws: what is shared']);
});
