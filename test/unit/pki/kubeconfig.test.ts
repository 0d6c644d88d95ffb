import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SlipwayError } from '../../../src/base/errors/slipway-error.ts';
import {
  connectionOf,
  emptyKubeconfig,
  kubeconfigFor,
  kubeconfigPaths,
  loadKubeconfig,
  mergeKubeconfigs,
  parseKubeconfig,
  renderKubeconfig,
  withEntries,
  withoutEntries,
} from '../../../src/pki/kubeconfig.ts';
import { changeKubeconfigFile, kubeconfigFileToChange } from '../../../src/pki/kubeconfig-file.ts';

const inFolder = async (body: (folder: string) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-kubeconfig-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
const demo = kubeconfigFor({ name: 'slipway-demo', server: 'https://10.0.0.1:6443', caPem: 'CA', certPem: 'CERT', keyPem: 'KEY' });
const isInvalid = (pattern: RegExp) => (error: unknown) =>
  error instanceof SlipwayError && error.code === 'KUBECONFIG_INVALID' && pattern.test(error.message);

test('what is rendered reads back, and resolves to a connection', async () => {
  const config = parseKubeconfig(renderKubeconfig(demo), '/x/config');
  assert.deepEqual(config, demo);
  const connection = await connectionOf(config);
  assert.deepEqual(
    { ...connection },
    { name: 'slipway-demo', server: 'https://10.0.0.1:6443', caPem: 'CA', certPem: 'CERT', keyPem: 'KEY' },
  );
});

test('merging follows kubectl: the first file that names something wins', () => {
  const other = { ...kubeconfigFor({ name: 'slipway-demo', server: 'https://other' }), extensions: [1] };
  const merged = mergeKubeconfigs([emptyKubeconfig(), demo, other, kubeconfigFor({ name: 'b', server: 'https://b' })]);
  assert.equal(merged.clusters[0]?.cluster.server, 'https://10.0.0.1:6443');
  assert.deepEqual(
    merged.contexts.map((entry) => entry.name),
    ['slipway-demo', 'b'],
  );
  assert.deepEqual([merged['current-context'], merged['extensions']], ['slipway-demo', [1]]);
});

test('entries are replaced and removed by name; the current context only when asked', () => {
  const mine = kubeconfigFor({ name: 'mine', server: 'https://mine' });
  const both = withEntries(mine, demo, { makeCurrent: false });
  assert.equal(both['current-context'], 'mine');
  assert.equal(withEntries(both, demo, { makeCurrent: true })['current-context'], 'slipway-demo');
  assert.equal(withEntries(both, demo, { makeCurrent: true }).clusters.length, 2);
  assert.deepEqual(withoutEntries(both, 'slipway-demo'), mine);
  assert.equal(withoutEntries(mine, 'mine')['current-context'], '');
});

test('relative paths are those of the file that names them', () =>
  inFolder(async (folder) => {
    writeFileSync(join(folder, 'ca.pem'), 'THE CA');
    writeFileSync(
      join(folder, 'config'),
      'clusters: [{name: c, cluster: {server: "https://c", certificate-authority: ca.pem}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {token: t}}]\ncurrent-context: x\n',
    );
    const connection = await connectionOf(await loadKubeconfig([join(folder, 'config'), join(folder, 'absent')]));
    assert.deepEqual([connection.caPem, connection.token], ['THE CA', 't']);
  }));

test('what cannot be read is named', async () => {
  assert.throws(() => parseKubeconfig('a: [', '/x/config'), isInvalid(/cannot read \/x\/config/));
  assert.throws(() => parseKubeconfig('[1]', '/x/config'), isInvalid(/not a mapping/));
  assert.throws(() => parseKubeconfig('users: [{}]', '/x/config'), isInvalid(/users\[0\] has no name/));
  await assert.rejects(connectionOf(emptyKubeconfig()), isInvalid(/current-context is not set/));
  await assert.rejects(connectionOf(demo, 'nope'), isInvalid(/context "nope" does not exist/));
});

test('paths come from $KUBECONFIG, else from the home folder; the first that exists is changed', () =>
  inFolder(async (folder) => {
    const [a, b] = [join(folder, 'a'), join(folder, 'b')];
    assert.deepEqual(kubeconfigPaths({ KUBECONFIG: `${a}::${b}:${a}` }), [a, b]);
    assert.deepEqual(kubeconfigPaths({ HOME: folder }), [join(folder, '.kube', 'config')]);
    assert.equal(await kubeconfigFileToChange({ KUBECONFIG: `${a}:${b}` }), b);
    writeFileSync(a, '');
    assert.equal(await kubeconfigFileToChange({ KUBECONFIG: `${a}:${b}` }), a);
  }));

test('a file is changed under a lock, private when it is new, and not at all when nothing differs', () =>
  inFolder(async (folder) => {
    const path = join(folder, '.kube', 'config');
    const add = () => changeKubeconfigFile(path, (config) => withEntries(config, demo, { makeCurrent: true }));
    assert.deepEqual(await add(), { changed: true });
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(await add(), { changed: false });
    assert.ok(!existsSync(`${path}.lock`));
    await Promise.all(
      Array.from({ length: 5 }, (_, index) =>
        changeKubeconfigFile(path, (config) =>
          withEntries(config, kubeconfigFor({ name: `c${index}`, server: 'https://c' }), { makeCurrent: false }),
        ),
      ),
    );
    assert.equal((await loadKubeconfig([path])).contexts.length, 6);
  }));

test('what a killed process left (its lock, a file half-written) is taken away', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'config');
    symlinkSync('4194303 12345', `${path}.lock`);
    writeFileSync(`${path}.4194303.new`, 'half');
    await changeKubeconfigFile(path, (config) => withEntries(config, demo, { makeCurrent: true }));
    assert.deepEqual(readdirSync(folder), ['config']);
  }));

test('a link stays a link, and a file that cannot be read stays as it was', () =>
  inFolder(async (folder) => {
    mkdirSync(join(folder, 'real'));
    writeFileSync(join(folder, 'real', 'config'), '', { mode: 0o640 });
    symlinkSync(join(folder, 'real', 'config'), join(folder, 'config'));
    await changeKubeconfigFile(join(folder, 'config'), () => demo);
    assert.match(readFileSync(join(folder, 'real', 'config'), 'utf8'), /slipway-demo/);
    assert.equal(statSync(join(folder, 'real', 'config')).mode & 0o777, 0o640);
    writeFileSync(join(folder, 'real', 'config'), 'a: [');
    await assert.rejects(
      changeKubeconfigFile(join(folder, 'config'), () => demo),
      isInvalid(/config/),
    );
    assert.equal(readFileSync(join(folder, 'real', 'config'), 'utf8'), 'a: [');
  }));
