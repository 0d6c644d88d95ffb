/** Certificates live for a minute here: they are renewed while everything runs, by themselves and on demand, the authority as well. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { deploymentManifest, type Program, startProgram, untilReady } from '../support/demo-cluster.ts';
import { steadyLoad } from '../support/steady-load.ts';
import { enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';

const LIFE_SECONDS = 60;
const suite = await enterSuite(import.meta.filename);
const slipway = async (...args: string[]): Promise<string> => {
  const result = await suite.slipway(args);
  assert.equal(result.code, 0, `slipway ${args.join(' ')}: ${result.stderr}${result.stdout}`);
  return result.stdout;
};
interface Row {
  name: string;
  node?: string;
  notAfter: string;
  state: string;
}
/** name@node -> when it ends. */
const ends = async (): Promise<Map<string, number>> => {
  const { stdout } = await suite.slipway(['certs', 'renew', '-o', 'json']);
  const { certificates } = JSON.parse(stdout) as { certificates: Row[] };
  return new Map(certificates.map(({ name, node, notAfter }) => [`${name}@${node ?? 'client'}`, Date.parse(notAfter)]));
};
const LEAVES = [
  'apiserver@renew-1',
  'apiserver-kubelet-client@renew-1',
  ...['agent', 'agent-serving'].flatMap((name) => [`${name}@renew-1`, `${name}@renew-2`]),
];
const untilRenewed = (before: ReadonlyMap<string, number>, withinMs: number): Promise<void> =>
  until(
    async () => {
      const now = await ends();
      return LEAVES.every((leaf) => (now.get(leaf) ?? 0) > (before.get(leaf) ?? Number.POSITIVE_INFINITY));
    },
    { withinMs, what: 'every certificate of a node is a newer one' },
  );
const podOf = async (node: string): Promise<string> =>
  (
    await slipway('get', 'pods', '-l', 'app=web', '--field-selector', `spec.nodeName=${node}`, '-o', 'jsonpath={.items[0].metadata.name}')
  ).trim();

const stopLoad = new AbortController();
let load: ReturnType<typeof steadyLoad>;
let log: Program;
let first: Map<string, number>;

before(async () => {
  const made = await suite.slipway(['up', 'renew', '--yes'], { env: { SLIPWAY_CERTIFICATE_SECONDS: String(LIFE_SECONDS) } });
  assert.equal(made.code, 0, made.stderr);
  first = await ends();
  writeFileSync(join(suite.root, 'web.yaml'), deploymentManifest('web', { replicas: 2 }));
  await slipway('apply', '-f', join(suite.root, 'web.yaml'));
  await untilReady(suite, 'app=web', 2);
  const address = await slipway('get', 'node', 'renew-2', '-o', 'jsonpath={.status.addresses[0].address}');
  const port = await slipway('get', 'service', 'web', '-o', 'jsonpath={.spec.ports[0].nodePort}');
  load = steadyLoad([`http://${address.trim()}:${port.trim()}/`], { perSecond: 20, signal: stopLoad.signal });
});
after(async () => {
  stopLoad.abort();
  await log?.stop();
  await suite.slipway(['down', 'renew', '--force']);
});

test('every certificate lives as long as was asked', () => {
  assert.deepEqual([...first.keys()].filter((name) => LEAVES.includes(name)).sort(), [...LEAVES].sort());
  for (const leaf of LEAVES) assert.ok((first.get(leaf) ?? 0) - Date.now() <= LIFE_SECONDS * 1000, leaf);
});

test('they are renewed before they end, and a stream through server and agent goes on', async () => {
  const pod = await podOf('renew-2');
  log = startProgram(
    ['node', join(import.meta.dirname, '../../dist/slipway.js'), 'exec', '-i', pod, '--', 'cat'].with(0, process.execPath),
    suite.env,
  );
  log.write('one\n');
  await until(() => log.stdout().includes('one'), { what: 'the stream is open' });
  await untilRenewed(first, LIFE_SECONDS * 1000);
  // What the first certificates vouched for has ended by now; what stands on the newer ones works.
  await new Promise((resolve) => setTimeout(resolve, Math.max(...LEAVES.map((leaf) => first.get(leaf) ?? 0)) - Date.now()));
  log.write('two\n');
  await until(() => log.stdout().includes('two'), { what: 'the stream goes on' });
  assert.equal((await slipway('exec', await podOf('renew-1'), '--', 'echo', 'hello')).trim(), 'hello');
  assert.match(await slipway('certs', 'renew'), /renew-2 +agent-serving .* good/);
  const requests = await slipway('get', 'csr');
  assert.match(requests, /kubernetes.io\/kubelet-serving +system:node:renew-2 .*Approved,Issued/);
  assert.match(requests, /kubernetes.io\/kube-apiserver-client-kubelet +system:node:renew-1 .*Approved,Issued/);
});

test('certs rotate renews all of them at once', async () => {
  const before = await ends();
  await slipway('certs', 'rotate', 'renew');
  const now = await ends();
  for (const leaf of [...LEAVES, 'admin@client']) assert.ok((now.get(leaf) ?? 0) > (before.get(leaf) ?? Number.POSITIVE_INFINITY), leaf);
});

test('certs rotate --ca replaces the authority; tokens of before go on working', async () => {
  const authority = (): string => readFileSync(join(suite.home, 'clusters/renew/pki/ca.crt'), 'utf8');
  const before = authority();
  const token = (await slipway('create', 'token', 'default')).trim();
  await slipway('certs', 'rotate', 'renew', '--ca');
  const now = authority();
  assert.notEqual(now, before);
  assert.equal(now.match(/BEGIN CERTIFICATE/g)?.length, 1);
  assert.equal(new X509Certificate(now).checkIssued(new X509Certificate(now)), true);
  assert.match(await slipway('auth', 'whoami', '--token', token), /system:serviceaccount:default:default/);
  assert.equal((await slipway('exec', await podOf('renew-2'), '--', 'echo', 'hello')).trim(), 'hello');
  await until(
    async () => (await slipway('get', 'configmap', 'kube-root-ca.crt', '-o', 'jsonpath={.data.ca\\.crt}')).trim() === now.trim(),
    {
      what: 'pods are told the new authority',
    },
  );
  const again = await suite.slipway(['up', 'renew']);
  assert.match(again.stdout, /is unchanged/, again.stderr);
});

test('no request to the workload was lost meanwhile', async () => {
  stopLoad.abort();
  const { answered, failures } = await load;
  assert.deepEqual(failures, []);
  // Twenty a second, over most of the life of the first certificates: they were made before the load began.
  assert.ok(answered > 10 * LIFE_SECONDS, `${answered} answered`);
});

test('a node that was off until its certificates ended is told, and mended', async () => {
  await slipway('node', 'stop', 'renew-2');
  const ended = Math.max((await ends()).get('agent@renew-2') ?? 0, Date.now() + LIFE_SECONDS * 1000);
  await new Promise((resolve) => setTimeout(resolve, ended - Date.now() + 1000));
  const { items } = JSON.parse(await slipway('get', 'csr', '-o', 'json')) as { items: { status: { certificate?: string } }[] };
  const old = items.filter(({ status }) => {
    const certificate = status.certificate && new X509Certificate(Buffer.from(status.certificate, 'base64'));
    return certificate && Date.parse(certificate.validTo) < Date.now() - 10_000;
  });
  assert.ok(items.length > 0);
  assert.equal(old.length, 0, 'requests go with their certificates');
  await slipway('node', 'start', 'renew-2');
  const report = await suite.slipway(['certs', 'renew']);
  assert.equal(report.code, 1);
  assert.match(report.stdout, /renew-2 +agent .* ended/);
  assert.match((await suite.slipway(['doctor'])).stdout, /certificate agent of renew-2 has ended[\s\S]*slipway certs rotate renew/);
  await slipway('certs', 'rotate', 'renew').catch(async (error: unknown) => {
    console.error((await suite.slipway(['logs-of', 'renew-2', 'slipway-agent', '--tail', '500'])).stdout.replace(/"stack".*/g, ''));
    throw error;
  });
  await until(async () => /renew-2 +Ready/.test(await slipway('get', 'nodes')), { withinMs: 30_000, what: 'renew-2 is Ready' });
});
