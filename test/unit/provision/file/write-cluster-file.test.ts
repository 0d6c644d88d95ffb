/** A written cluster file says what it was written from, and all that it leaves open. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FileAnswers, fileOfWishes } from '../../../../src/provision/file/file-of-wishes.ts';
import { readClusterFile } from '../../../../src/provision/file/read-cluster-file.ts';

const CASES: Readonly<Record<string, [FileAnswers, spec: object]>> = {
  'nothing but a name': [{ name: 'lab' }, { driver: 'local', pools: [{ name: 'main', count: 2 }] }],
  'sizes and a subnet': [
    { name: 'lab', nodes: 3, cpus: 2, memoryMiB: 1536, subnet: '10.200.1.0/24', dedicatedControlPlanes: true },
    {
      driver: 'local',
      drivers: { local: { subnet: '10.200.1.0/24' } },
      controlPlane: { dedicated: true },
      pools: [{ name: 'main', count: 3, cpus: 2, memory: '1536Mi' }],
    },
  ],
  'hosts, a key with a space in its path and add-ons': [
    {
      name: 'lab',
      hosts: ['root@h1', 'a@h2:22'],
      settings: { identityFile: '/my keys/id: #1', jumpHost: '' },
      addons: { demo: true, storageClass: false },
    },
    {
      driver: 'ssh',
      drivers: { ssh: { identityFile: '/my keys/id: #1' } },
      pools: [{ name: 'main', hosts: ['root@h1', 'a@h2:22'] }],
      addons: { storageClass: false, demo: true },
    },
  ],
};

for (const [it, [answers, spec]] of Object.entries(CASES))
  test(`${it}: it reads as it was meant`, () => {
    const { file } = readClusterFile(fileOfWishes(answers), 'lab.yaml');
    assert.deepEqual(file, { apiVersion: 'slipway/v1', kind: 'Cluster', metadata: { name: 'lab' }, spec });
  });

test('every key has a comment, and what is left out stands behind a #', () => {
  const text = fileOfWishes({ name: 'lab' });
  assert.match(text, /^ {2}driver: local {2}# Makes the machines/m);
  assert.match(text, /^ {4}- name: main {2}# /m);
  assert.match(text, /^ {6}# memory: 2Gi {2}# /m);
  assert.match(text, /^ {2}# {3}podCidr: 10\.244\.0\.0\/16 {2}# Addresses of pods/m);
  assert.doesNotMatch(text, /jumpHost/);
});

test('keys that are uncommented are right where they stand', () => {
  const text = fileOfWishes({ name: 'lab' }).replace(/^ {2}# (?=network:| {2}podCidr)/gm, '  ');
  assert.equal(readClusterFile(text, 'lab.yaml').file.spec.network?.podCidr, '10.244.0.0/16');
});

test('what could not be used is not written', () => {
  assert.throws(() => fileOfWishes({ name: 'Lab' }), { code: 'NAME_INVALID' });
  assert.throws(() => fileOfWishes({ name: 'lab', controlPlanes: 3, nodes: 3 }), { code: 'USAGE' });
  assert.throws(() => fileOfWishes({ name: 'lab', driver: 'ssh' }), { code: 'USAGE', reason: /given with --host for lab-1, lab-2/ });
  assert.throws(() => fileOfWishes({ name: 'lab', subnet: '10.244.9.0/24' }), { code: 'USAGE', reason: /overlaps the range of pods/ });
  assert.throws(() => fileOfWishes({ name: 'lab', settings: { subnet: '10.244.9.0/24' } }), { code: 'CONFIG_INVALID' });
});
