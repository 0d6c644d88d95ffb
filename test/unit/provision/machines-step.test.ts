/** What is taken back when `up` fails: machines that it made, and what a driver makes for all machines where the cluster had none of its before. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ClusterContext } from '../../../src/provision/cluster-context.ts';
import { openJournal } from '../../../src/provision/state/cluster-journal.ts';
import { machines } from '../../../src/provision/steps/machines.ts';

const root = mkdtempSync(join(tmpdir(), 'slipway-machines-'));
after(() => rmSync(root, { recursive: true }));

interface Given {
  newNodes: readonly string[];
  /** Of the nodes, those that are wished now: all while nothing is said. */
  wished?: readonly string[];
  /** Whose machines stand in the journal: all while nothing is said. */
  journalled?: readonly string[];
}

/** Nodes as `name:driver`; answers what was taken back. */
const takenBack = async (nodes: readonly string[], { newNodes, wished, journalled }: Given): Promise<string[]> => {
  const done: string[] = [];
  const all = nodes.map((text) => ({ name: text.split(':')[0] ?? '', driver: text.split(':')[1] ?? '' }));
  const folder = { path: mkdtempSync(join(root, 'cluster-')) };
  for (const { name, driver } of all)
    if (!journalled || journalled.includes(name)) await openJournal(folder.path).record({ kind: 'machine', name, driver });
  const driver = (name: string) => ({
    name,
    keepsMachines: name === 'ssh',
    destroy: async (id: { name: string }) => void done.push(`${name}: ${id.name}`),
    destroyShared: async () => void done.push(`${name}: what is shared`),
  });
  const context = {
    spec: { name: 'demo', nodes: all.filter(({ name }) => !wished || wished.includes(name)) },
    state: { spec: { nodes: all } },
    folder,
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
  assert.deepEqual(await takenBack(['a:local', 'b:local'], { newNodes: ['a', 'b'] }), ['local: a', 'local: b', 'local: what is shared']);
});

test('of nodes that came, only their machines', async () => {
  assert.deepEqual(await takenBack(['a:local', 'b:local'], { newNodes: ['b'] }), ['local: b']);
});

test('of a pool that brings another driver, also what that made for it', async () => {
  assert.deepEqual(await takenBack(['a:local', 'b:aws'], { newNodes: ['b'] }), ['aws: b', 'aws: what is shared']);
});

test('no machine that this client has not made', async () => {
  assert.deepEqual(await takenBack(['a:local', 'b:kvm', 'c:kvm'], { newNodes: ['b', 'c'], journalled: ['a', 'c'] }), [
    'kvm: c',
    'kvm: what is shared',
  ]);
});

test('also what an interrupted run has made and is not wished any more', async () => {
  const all = { newNodes: ['a', 'b', 'c'], wished: ['a', 'b'] };
  assert.deepEqual(await takenBack(['a:kvm', 'b:kvm', 'c:kvm'], all), ['kvm: a', 'kvm: b', 'kvm: c', 'kvm: what is shared']);
});

test('a host that an interrupted run has taken and is not wished any more stays known, as Slipway may be on it', async () => {
  assert.deepEqual(await takenBack(['a:ssh', 'b:ssh'], { newNodes: ['a', 'b'], wished: ['a'] }), ['ssh: a']);
});
