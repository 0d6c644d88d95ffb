/** The package as somebody has it who installed it: the testing export, its types, and the program. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const work = mkdtempSync(join(tmpdir(), 'slipway-package-'));
const project = join(work, 'project');
after(() => rmSync(work, { recursive: true, force: true }));

/** Times are kept: a newer lock file would make the launcher install again. The checkout's own dist is not touched: others run from it. */
const packCopy = (): string => {
  const checkout = join(work, 'checkout');
  mkdirSync(checkout);
  const copy = `git ls-files -z --cached --others --exclude-standard | tar --null --ignore-failed-read -cf - -T - | tar -xf - -C "$0"`;
  execFileSync('sh', ['-c', copy, checkout], { cwd: root, stdio: 'pipe' });
  execFileSync('ln', ['-s', join(root, 'node_modules'), join(checkout, 'node_modules')]);
  execFileSync('npm', ['pack', '--silent', '--pack-destination', work], { cwd: checkout, stdio: 'pipe' });
  const [tarball] = readdirSync(work).filter((name) => name.endsWith('.tgz'));
  return join(work, tarball as string);
};

const TEST = `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type core, resource, type Stored, startCluster } from 'slipway/testing';

test('a Deployment becomes ready', async () => {
  await using cluster = await startCluster({ fakeNodes: 2 });
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } };
  await cluster.client.create(resource('deploy'), {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default' },
    spec: { replicas: 3, selector: { matchLabels: { app: 'web' } }, template },
  });
  for (;;) {
    const { items } = await cluster.client.list<Stored<core.Pod>>(resource('pods'), { namespace: 'default', labelSelector: 'app=web' });
    if (items.filter((pod) => pod.status?.phase === 'Running').length === 3) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const answer = await cluster.fetch('/apis/apps/v1/namespaces/default/deployments/web');
  assert.equal(answer.status, 200);
});
`;

const run = (command: string, args: readonly string[], env: Record<string, string> = {}) =>
  spawnSync(command, args, { cwd: project, encoding: 'utf8', env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...env } });

before(() => {
  const tarball = packCopy();
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'consumer', version: '1.0.0', type: 'module', private: true }));
  writeFileSync(join(project, 'cluster.test.ts'), TEST);
  const result = run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', tarball]);
  assert.equal(result.status, 0, result.stderr);
});

test('a TypeScript test starts a control plane from the installed package', () => {
  const result = run(process.execPath, ['--test', 'cluster.test.ts']);
  assert.equal(result.status, 0, `${result.stdout}${result.stderr}`);
  assert.match(result.stdout, /pass 1/);
});

test('its types hold in a strict project that checks libraries too', () => {
  const compilerOptions = {
    ...{ strict: true, module: 'nodenext', target: 'es2024', lib: ['es2024', 'esnext.disposable'], noEmit: true, skipLibCheck: false },
    ...{ types: ['node'], typeRoots: [join(root, 'node_modules/@types')] },
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  const result = run(join(root, 'node_modules/.bin/tsc'), ['-p', '.']);
  assert.equal(result.status, 0, result.stdout);
  writeFileSync(join(project, 'wrong.ts'), `import { startCluster } from 'slipway/testing';\nawait startCluster({ nods: 1 });\n`);
  assert.match(run(join(root, 'node_modules/.bin/tsc'), ['-p', '.']).stdout, /wrong\.ts.*'nods' does not exist/);
  rmSync(join(project, 'wrong.ts'));
});

test('the program runs as it was installed, also where the package cannot be written', () => {
  const home = join(work, 'home');
  const bin = join(project, 'node_modules/.bin/slipway');
  const version = run(bin, ['version', '--client'], { SLIPWAY_HOME: home });
  assert.equal(version.status, 0, version.stderr);
  assert.match(version.stdout, /^Client Version: slipway v/);
  assert.equal(version.stderr, '', 'nothing was fetched or built');
  execFileSync('chmod', ['-R', 'a-w', join(project, 'node_modules/slipway')]);
  const again = run(bin, ['status'], { SLIPWAY_HOME: home });
  assert.equal(again.status, 0, again.stderr);
  assert.match(again.stdout, /No cluster yet/);
  execFileSync('chmod', ['-R', 'u+w', join(project, 'node_modules/slipway')]);
});

test('nothing but what runs is in the package', () => {
  const folder = join(project, 'node_modules/slipway');
  assert.deepEqual(
    readdirSync(folder)
      .filter((name) => !name.startsWith('.') && name !== 'node_modules')
      .sort(),
    [...['LICENSE', 'README.md', 'bin', 'dist', 'docs', 'package.json', 'templates']],
  );
  for (const program of ['slipway.js', 'slipway-server.js', 'slipway-agent.js', 'testing.js'])
    assert.ok(readdirSync(join(folder, 'dist')).includes(program), program);
});
