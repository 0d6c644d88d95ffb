/** `create` by flags and `rollout` beside stock kubectl on one API server. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { KubeObject } from '../../src/api/meta/object.ts';
import { createAuthority } from '../../src/pki/certificates.ts';
import { startApiServer, type TestApiServer } from '../support/api-server.ts';
import { findKubectl } from '../support/kubectl.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const kubectl = findKubectl();
const skip = 'missing' in kubectl ? kubectl.missing : false;
const stock = 'path' in kubectl ? [kubectl.path] : [];
const own = [process.execPath, join(root, 'dist/slipway.js')];
const folder = mkdtempSync(join(tmpdir(), 'slipway-create-'));

let api: TestApiServer;
before(async () => {
  execFileSync(process.execPath, [join(root, 'bin/build.js')], { stdio: 'inherit' });
  api = await startApiServer();
});
after(async () => {
  await api?.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

const run = (program: readonly string[], args: readonly string[], input = ''): Promise<Result> =>
  new Promise((resolve) => {
    const [file = '', ...first] = program;
    const env = { ...process.env, KUBECONFIG: api.kubeconfig, NO_COLOR: '1' };
    const child = execFile(file, [...first, ...args], { env, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
    child.stdin?.end(input);
  });
const slipway = async (...args: string[]): Promise<string> => {
  const result = await run(own, args);
  assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
};

for (const words of [
  ['cronjob', 'c', '--image=i', '--schedule=*/1 * * * *', '--restart=Never'],
  ['ingress', 'i', '--rule=foo.com/bar*=svc:8080,tls=cert', '--rule=/x=svc:http', '--rule=*.a.b/*=s:1,tls', '--annotation=a=b,c=d'],
  ['ingress', 'i', '--rule=a.b/x=s:1', '--rule=a.b/y=s:2', '--class=nginx', '--default-backend=d:http'],
  ['ingress', 'i'],
  ['ingress', 'i', '--rule=foo'],
  ['quota', 'q', '--hard=cpu=1,pods=2', '--scopes=BestEffort,NotTerminating'],
  ['quota', 'q', '--hard=cpu'],
  ['pdb', 'p', '--selector=app=web,tier=front', '--min-available=50%'],
  ['pdb', 'p', '--selector=app=web', '--max-unavailable=1'],
  ['pdb', 'p', '--selector=app'],
  ['pdb', 'p', '--selector=app=web'],
  ['secret', 'docker-registry', 's', '--docker-username=u', '--docker-password=p', '--docker-email=e'],
  ['secret', 'docker-registry', 's', '--docker-username=u'],
  ['secret', 'tls', 's', '--cert=/nowhere', '--key=/nowhere'],
  ['priorityclass', 'pc', '--value=1000', '--description=high', '--global-default', '--preemption-policy=Never'],
  ['job', 'j', '--from=cronjob/absent'],
])
  test(`create ${words.join(' ')} makes what kubectl makes`, { skip }, async () => {
    const args = ['create', ...words, '--dry-run=client', '-o', 'yaml'];
    const [expected, actual] = await Promise.all([run(stock, args), run(own, args)]);
    // Both are read the same; kubectl quotes text with one stroke, and what looks like a number with two.
    assert.deepEqual(actual, { ...expected, stdout: expected.stdout.replace(/'([^'"]*)'/g, '"$1"') });
  });

test('create secret tls takes a certificate and its key, and no other key', async () => {
  const file = (name: string): string => join(folder, name);
  for (const name of ['one', 'two']) {
    const { certPem, keyPem } = await createAuthority({ commonName: name, years: 1 });
    writeFileSync(file(`${name}.crt`), certPem);
    writeFileSync(file(`${name}.key`), keyPem);
  }
  const wrong = await run(own, ['create', 'secret', 'tls', 'shop', `--cert=${file('one.crt')}`, `--key=${file('two.key')}`]);
  assert.deepEqual([wrong.code, wrong.stderr], [1, 'error: tls: private key does not match public key\n']);
  assert.equal(
    await slipway('create', 'secret', 'tls', 'shop', `--cert=${file('one.crt')}`, `--key=${file('one.key')}`),
    'secret/shop created\n',
  );
  assert.match(await slipway('describe', 'secret', 'shop'), /Type: +kubernetes.io\/tls/);
});

test('create token prints a token of the service account', async () => {
  await slipway('create', 'serviceaccount', 'robot');
  assert.match(await slipway('create', 'token', 'robot', '--duration=10m'), /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  const absent = await run(own, ['create', 'token', 'nobody']);
  assert.deepEqual([absent.code, absent.stderr], [1, 'error: failed to create token: serviceaccounts "nobody" not found\n']);
});

test('create job --from makes a Job of the template that the CronJob owns', async () => {
  await slipway('create', 'cronjob', 'clean', '--image=i', '--schedule=0 3 * * *');
  assert.equal(await slipway('create', 'job', 'now', '--from=cronjob/clean'), 'job.batch/now created\n');
  assert.match(await slipway('describe', 'job', 'now'), /instantiate: manual\nControlled By: +CronJob\/clean/);
});

const TEMPLATE = (image: string): object => ({ metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image }] } });
const revision = (owner: KubeObject, number: number): object => {
  const { kind = '', metadata } = owner;
  const { template } = owner['spec'] as { template: { spec: { containers: object[] } } };
  const spec = { ...template.spec, containers: [{ ...template.spec.containers[0], image: `i:${number}` }] };
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `${kind.toLowerCase()}-${number}`,
      labels: { app: 'x' },
      annotations: { 'kubernetes.io/change-cause': `cause ${number}` },
      ownerReferences: [{ apiVersion: 'apps/v1', kind, name: 'x', uid: metadata.uid, controller: true }],
    },
    revision: number,
    data: { spec: { template: { ...template, spec, $patch: 'replace' } } },
  };
};

for (const kind of ['DaemonSet', 'StatefulSet'])
  test(`rollout history and undo of a ${kind} are kubectl's`, { skip }, async () => {
    const target = `${kind.toLowerCase()}/x`;
    const spec = {
      selector: { matchLabels: { app: 'x' } },
      template: TEMPLATE('i:2'),
      ...(kind === 'StatefulSet' ? { serviceName: 'x' } : {}),
    };
    const made = await run(
      own,
      ['create', '-o', 'json', '-f', '-'],
      JSON.stringify({ apiVersion: 'apps/v1', kind, metadata: { name: 'x' }, spec }),
    );
    const owner = JSON.parse(made.stdout) as KubeObject;
    for (const number of [1, 2]) assert.equal((await run(own, ['create', '-f', '-'], JSON.stringify(revision(owner, number)))).code, 0);
    for (const more of [[], ['--revision=1'], ['--revision=9']]) {
      const args = ['rollout', 'history', target, ...more];
      const [expected, actual] = await Promise.all([run(stock, args), run(own, args)]);
      // kubectl leaves the tabs of a template as they are.
      const plain = (result: Result): Result => ({ ...result, stdout: result.stdout.replace(/[ \t]+/g, ' ').trimEnd() });
      assert.deepEqual(plain(actual), plain(expected));
    }
    assert.equal(await slipway('rollout', 'undo', target), `${kind.toLowerCase()}.apps/x rolled back\n`);
    assert.equal(await slipway('get', target, '-o', 'jsonpath={..image}'), 'i:1');
    assert.match(
      await slipway('rollout', 'undo', target, '--to-revision=1'),
      /skipped rollback \(current template already matches revision 1\)/,
    );
    assert.equal(await slipway('rollout', 'restart', target), `${kind.toLowerCase()}.apps/x restarted\n`);
  });
