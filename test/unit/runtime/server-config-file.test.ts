import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SlipwayError } from '../../../src/base/errors/slipway-error.ts';
import { problemsOf, readServerConfig } from '../../../src/runtime/server-config-file.ts';

const good = {
  clusterName: 'demo',
  nodeName: 'demo-1',
  components: ['apiserver', 'scheduler', 'controllers'],
  bindAddress: '0.0.0.0',
  securePort: 6443,
  advertiseAddress: '10.1.2.3',
  serviceCidr: '10.96.0.0/16',
  podCidr: '10.244.0.0/16',
  nodeCidrMaskSize: 24,
  nodePortRange: [30000, 32767],
  clusterDomain: 'cluster.local',
  store: { kind: 'sqlite', path: '/var/lib/slipway/state.db' },
  pki: {
    caFile: '/p/ca.crt',
    caKeyFile: '/p/ca.key',
    certFile: '/p/s.crt',
    keyFile: '/p/s.key',
    serviceAccountKeyFile: '/p/sa.key',
    serviceAccountIssuer: 'https://kubernetes.default.svc',
    kubeletClientCertFile: '/p/k.crt',
    kubeletClientKeyFile: '/p/k.key',
  },
};

const cases: [title: string, change: object, problems: string[]][] = [
  ['a whole configuration', {}, []],
  ['a port beyond ports', { securePort: 70_000 }, ['securePort must be a whole number from 0 to 65535']],
  ['a range without its length', { podCidr: '10.244.0.0' }, ['podCidr must be an address range like 10.96.0.0/16']],
  ['an unknown component', { components: ['apiserver', 'proxy'] }, ['components must be one of apiserver, scheduler, controllers']],
  ['no component', { components: [] }, ['components must be a list that is not empty']],
  ['node ports the wrong way round', { nodePortRange: [32_767, 30_000] }, ['nodePortRange must be two ports, the lower one first']],
  ['an unknown store', { store: { kind: 'mysql' } }, ['store.kind must be one of sqlite, memory, etcd']],
  ['a store without a path', { store: { kind: 'sqlite' } }, ['store.path must be an absolute path']],
  [
    'no keys',
    { pki: undefined, store: { kind: 'memory' } },
    Object.keys(good.pki)
      .filter((name) => name !== 'caKeyFile')
      .map((name) => `pki.${name} must be ${name === 'serviceAccountIssuer' ? 'a text that is not empty' : 'an absolute path'}`),
  ],
  ['a scheduler alone, without a way to its server', { components: ['scheduler'] }, ['kubeconfigFile must be an absolute path']],
  ['a scheduler alone', { components: ['scheduler'], kubeconfigFile: '/k', pki: undefined, store: undefined }, []],
];

for (const [title, change, problems] of cases)
  test(`checks ${title}`, () => {
    assert.deepEqual(problemsOf({ ...good, ...change }), problems);
  });

test('what is wrong with a file is said with its name', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-config-'));
  const path = join(folder, 'server.json');
  const failsWith = (pattern: RegExp) => (error: unknown) =>
    error instanceof SlipwayError && error.code === 'CONFIG_INVALID' && error.message.includes(path) && pattern.test(error.message);
  try {
    await assert.rejects(readServerConfig(path), failsWith(/no such file/));
    writeFileSync(path, '{');
    await assert.rejects(readServerConfig(path), failsWith(/it is not JSON/));
    writeFileSync(path, '[]');
    await assert.rejects(readServerConfig(path), failsWith(/not a JSON object/));
    writeFileSync(path, JSON.stringify(good));
    assert.deepEqual(await readServerConfig(path), good);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
