/** Support bundles of real clusters: what is in them, that no planted secret is, and that they come about when little works. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { serviceAccount } from '../../src/api/core/service-account.ts';
import { openClient } from '../../src/provision/open-client.ts';
import { ClusterStateFolder } from '../../src/provision/state/cluster-state.ts';
import { enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename);
const up = await suite.slipway(['up', 'sup', '--nodes', '2', '--demo']);
assert.equal(up.code, 0, up.stderr);
after(() => suite.slipway(['down', 'sup', '--force']));

const nodeRoot = (node: string): string => join(suite.data, 'clusters/sup/nodes', node, 'root');

/** Unpacks it, and answers every file by its path. */
const bundle = async (name: string): Promise<Map<string, string>> => {
  const path = join(suite.root, `${name}.tar.gz`);
  const result = await suite.slipway(['support', 'bundle', 'sup', '-o', path]);
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, new RegExp(`^${path}: \\d+ files`));
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const folder = join(suite.root, name);
  mkdirSync(folder);
  execFileSync('tar', ['-xzf', path, '-C', folder]);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((entry) => [
      join(entry.parentPath, entry.name).slice(folder.length + name.length + 2),
      readFileSync(join(entry.parentPath, entry.name), 'utf8'),
    ]),
  );
};

test('it has what is needed to find out what is wrong, and none of the secrets that were planted', async () => {
  const folder = new ClusterStateFolder('sup');
  const { client, close } = await openClient(folder);
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {}, spec: {} };
  const token = (
    (await client.create(serviceAccount, request as never, { namespace: 'default', name: 'default', subresource: 'token' })) as unknown as {
      status: { token: string };
    }
  ).status.token;
  await close();
  const identity = join(suite.root, 'planted');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', identity]);
  const sshKey = readFileSync(identity, 'utf8');
  const planted = {
    secretData: 'correct-horse-battery-staple',
    secretLines: 'a value\nof several lines that nobody may see\nend',
    awsId: 'AKIAIOSFODNN7EXAMPLE',
    awsKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    password: 'hunter2-in-the-environment',
    basicAuth: 'pa55w0rd-of-a-url',
    argument: 'value-of-an-argument',
  };
  const objects = [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'planted' },
      stringData: { plain: planted.secretData, long: planted.secretLines },
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'planted' },
      data: {
        id_ed25519: sshKey,
        mirror: `https://bot:${planted.basicAuth}@registry.example/`,
        note: `the secret says ${planted.secretData}`,
      },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'planted' },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: 'planted' } },
        template: {
          metadata: { labels: { app: 'planted' } },
          spec: {
            containers: [
              {
                name: 'web',
                image: 'registry.slipway.local/demo:1',
                args: ['--api-token', planted.argument],
                env: [
                  { name: 'AWS_ACCESS_KEY_ID', value: planted.awsId },
                  { name: 'AWS_SECRET_ACCESS_KEY', value: planted.awsKey },
                  { name: 'DB_PASSWORD', value: planted.password },
                ],
              },
            ],
          },
        },
      },
    },
  ];
  const applied = await suite.slipway(['apply', '-f', '-'], { input: objects.map((object) => JSON.stringify(object)).join('\n---\n') });
  assert.equal(applied.code, 0, applied.stderr);
  // In a log of a node, and in a configuration there.
  appendFileSync(
    join(nodeRoot('sup-1'), 'var/log/slipway/slipway-agent/current'),
    `{"level":"info","msg":"asked with Authorization: Bearer ${token}"}\n{"msg":"pulled https://bot:${planted.basicAuth}@registry.example/"}\n`,
  );

  const files = await bundle('full');
  for (const path of [
    ...[
      'manifest.json',
      'versions.json',
      'status.json',
      'doctor.json',
      'client/state.json',
      'client/certificates.json',
      'client/files.txt',
    ],
    ...[
      'api/metrics.txt',
      'api/readyz.txt',
      'api/version.json',
      'api/objects/core.v1/pods.json',
      'api/objects/core.v1/secrets.json',
      'api/objects/core.v1/events.json',
    ],
    ...[
      'api/objects/apps.v1/deployments.json',
      'nodes/sup-1/logs/slipway-server.log',
      'nodes/sup-1/logs/slipway-agent.log',
      'nodes/sup-2/logs/slipway-containerd.log',
    ],
    ...[
      'nodes/sup-1/containers.txt',
      'nodes/sup-1/addresses.txt',
      'nodes/sup-1/firewall.txt',
      'nodes/sup-2/system.txt',
      'nodes/sup-2/configuration.txt',
    ],
  ])
    assert.ok(files.get(path)?.length, `${path} is not among ${[...files.keys()].join(' ')}`);
  assert.deepEqual(JSON.parse(files.get('manifest.json') as string).missing, []);
  assert.match(files.get('api/objects/core.v1/secrets.json') as string, /"plain": "\[removed\]/);
  assert.match(files.get('nodes/sup-1/logs/slipway-agent.log') as string, /asked with Authorization: Bearer \[removed\]/);

  const keys = [join(folder.path, 'pki'), join(nodeRoot('sup-1'), 'etc/slipway/pki'), join(nodeRoot('sup-2'), 'etc/slipway/pki')].flatMap(
    (pki) =>
      readdirSync(pki)
        .filter((name) => name.endsWith('.key'))
        .map((name) => readFileSync(join(pki, name), 'utf8')),
  );
  assert.ok(keys.length > 3);
  const encoded = (text: string): string[] => [text, Buffer.from(text).toString('base64'), JSON.stringify(text).slice(1, -1)];
  const lines = (text: string): string[] => text.split('\n').filter((line) => line.length > 30 && !line.startsWith('-----'));
  const secrets = [
    ...Object.values(planted).flatMap(encoded),
    ...['of several lines that nobody may see', token, token.split('.')[2] as string],
    ...lines(sshKey),
    ...keys.flatMap((key) => [...lines(key), Buffer.from(key).toString('base64')]),
  ];
  for (const [path, text] of files) for (const secret of secrets) assert.ok(!text.includes(secret), `${path} has ${secret}`);
});

test('Ctrl-C leaves no file, whole or half', async () => {
  const path = join(suite.root, 'never.tar.gz');
  const running = suite.startSlipway(['support', 'bundle', 'sup', '-o', path]);
  await until(async () => /ok +Reading what/.test(running.output()), { what: 'the first part' });
  running.signal('SIGINT');
  const { code, stderr } = await running.ended;
  assert.equal(code, 130, stderr);
  assert.match(stderr, /INTERRUPTED/);
  assert.deepEqual([existsSync(path), existsSync(`${path}.part`)], [false, false]);
});

test('a place that cannot be written is told, and leaves nothing', async () => {
  const result = await suite.slipway(['support', 'bundle', 'sup', '-o', join(suite.root, 'no/such/folder/x.tar.gz')]);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /STEP_FAILED[\s\S]*no\/such\/folder[\s\S]*try: slipway support bundle -o/);
  assert.equal((await suite.slipway(['support', 'bundle', 'nobody'])).code, 1);
});

test('logs of a service: newest, since, followed over a rotation; a name that nobody has', async () => {
  const log = join(nodeRoot('sup-2'), 'var/log/slipway/slipway-agent/current');
  const say = (text: string, time = new Date()): void =>
    appendFileSync(log, `{"level":"info","time":"${time.toISOString()}","msg":"${text}"}\n`);
  say('an hour ago', new Date(Date.now() - 3600_000));
  say('just now');
  const since = await suite.slipway(['logs-of', 'sup-2', 'slipway-agent', '--since', '2s']);
  assert.match(since.stdout, /just now/);
  assert.doesNotMatch(since.stdout, /an hour ago/);
  assert.match((await suite.slipway(['logs-of', 'sup-2', 'slipway-agent', '--tail', '1'])).stdout, /^.*just now.*\n$/);
  assert.match((await suite.slipway(['logs-of', 'sup-2'])).stdout, /slipway-agent: running/);
  assert.ok((await suite.slipway(['logs-of', 'sup-2', 'kernel', '--tail', '5'])).code === 0);

  const following = suite.startSlipway(['logs-of', 'sup-2', 'slipway-agent', '--follow']);
  await until(async () => following.output().includes('just now'), { what: 'what there was' });
  say('first of the new ones');
  await until(async () => following.output().includes('first of the new ones'), { what: 'a new line' });
  // As svlogd rotates: the file is renamed, and another begun.
  say('the last one before');
  const inside = await suite.run([
    'sh',
    '-c',
    `cd ${join(nodeRoot('sup-2'), 'var/log/slipway/slipway-agent')} && mv current @400000006553f1001dcd6500.s && touch current`,
  ]);
  assert.equal(inside.code, 0, inside.stderr);
  say('the first one after');
  await until(async () => following.output().includes('the first one after'), { what: 'a line after the rotation' });
  assert.ok(following.output().includes('the last one before'));
  following.signal('SIGINT');
  const { code, stdout } = await following.ended;
  assert.equal(code, 0);
  assert.equal(stdout.split('first of the new ones').length, 2, 'no line comes twice');

  const unknown = await suite.slipway(['logs-of', 'sup-2', 'nginx']);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /SERVICE_UNKNOWN[\s\S]*slipway-containerd, slipway-server, slipway-agent/);
});

test('without its API and without a node there is one too, and it says what is missing', async () => {
  await suite.slipway(['node', 'kill', 'sup-2', '--cluster', 'sup']);
  const silent = await bundle('one-node');
  const missing = (files: Map<string, string>): string => JSON.stringify(JSON.parse(files.get('manifest.json') as string).missing);
  assert.match(missing(silent), /node sup-2.*its machine is stopped/);
  assert.ok(silent.has('nodes/sup-1/logs/slipway-server.log'));
  const off = await suite.slipway(['logs-of', 'sup-2', 'slipway-agent']);
  assert.match(off.stderr, /its machine is stopped[\s\S]*slipway node start sup-2/);
  await suite.slipway(['node', 'kill', 'sup-1', '--cluster', 'sup']);
  const dark = await bundle('dark');
  assert.match(missing(dark), /API/);
  assert.ok(dark.has('client/state.json') && dark.has('status.json'));
  rmSync(join(suite.home, 'clusters/sup/kubeconfig'));
  assert.match(missing(await bundle('no-kubeconfig')), /API/);
});
