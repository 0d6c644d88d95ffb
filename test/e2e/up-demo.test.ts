/** The first minute with Slipway: one command makes a cluster of two nodes, runs a demo on it and fetches it. */
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename, { kubectl: true });
after(() => suite.slipway(['down', 'demo', '--force']));

test('up --demo makes a cluster whose demo answers by its DNS name', async () => {
  const result = await suite.slipway(['up', 'demo', '--yes', '--demo']);
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /Cluster demo is ready \(\d+\.\d s\): demo-1 \(10\.89\.0\.11\), demo-2 \(10\.89\.0\.12\)/);
  assert.match(result.stderr, /ok +Fetching the demo through its Service/);
});

test('the kubeconfig is private and names the cluster as current', () => {
  assert.equal(statSync(suite.kubeconfig).mode & 0o777, 0o600);
  assert.match(readFileSync(suite.kubeconfig, 'utf8'), /current-context: slipway-demo/);
});

test('only the administrator is in system:masters', async () => {
  const folder = join(suite.home, 'clusters/demo/pki');
  const { stdout } = await suite.run([
    'sh',
    '-c',
    `cd ${folder}; for c in *.crt; do echo "$c $(openssl x509 -in $c -noout -subject)"; done`,
  ]);
  const masters = stdout.split('\n').filter((line) => line.includes('system:masters'));
  assert.equal(masters.length, 1, stdout);
  assert.match(masters[0] ?? '', /^admin\.crt/);
});

test('every node answers on the NodePort of the demo, from this host', async () => {
  const { stdout } = await suite.slipway(['get', 'service', 'demo', '-o', 'jsonpath={.spec.ports[0].nodePort}']);
  for (const address of ['10.89.0.11', '10.89.0.12'])
    await until(async () => (await fetch(`http://${address}:${stdout.trim()}/`).catch(() => undefined))?.status === 200, {
      what: `NodePort on ${address}`,
    });
});

test('pods are reached from this host by their own address', async () => {
  const { stdout } = await suite.slipway(['get', 'pods', '-l', 'app=demo', '-o', 'jsonpath={.items[*].status.podIP}']);
  const addresses = stdout.trim().split(/\s+/);
  assert.equal(addresses.length, 2, stdout);
  for (const address of addresses) assert.match(await (await fetch(`http://${address}:8080/`)).text(), /Hello from Slipway/);
});

test('stock kubectl sees two ready nodes', { skip: suite.noKubectl }, async () => {
  const { stdout, stderr } = await suite.kubectl(['get', 'nodes', '--no-headers']);
  assert.match(stdout, /^demo-1 +Ready +control-plane .*\ndemo-2 +Ready /, stderr);
});

test('port-forward carries a request to a pod, with slipway and with kubectl, inside a WebSocket', async (context) => {
  const kubectl = process.env['SLIPWAY_KUBECTL'];
  const forwards = [
    ['slipway', suite.startSlipway(['port-forward', 'deployment/demo', ':8080'])] as const,
    ...(kubectl ? [['kubectl', suite.start([kubectl, '-v6', 'port-forward', 'deployment/demo', ':8080'])] as const] : []),
  ];
  context.after(() => {
    for (const [, running] of forwards) running.signal('SIGTERM');
  });
  for (const [name, running] of forwards) {
    await until(() => /127\.0\.0\.1:\d+ ->/.test(running.output()), { what: `${name} forwards` });
    const port = /127\.0\.0\.1:(\d+) ->/.exec(running.output())?.[1];
    assert.match(await (await fetch(`http://127.0.0.1:${port}/`)).text(), /Hello from Slipway/, name);
    if (name === 'kubectl') assert.match(running.output(), /101 Switching Protocols/);
  }
});

test('up again changes nothing and says so', async () => {
  const result = await suite.slipway(['up', 'demo', '--yes', '--demo']);
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /Cluster demo is unchanged/);
});

test('status tells of machines, API and certificates, for people and for programs', async () => {
  const text = await suite.slipway(['status', 'demo']);
  assert.equal(text.code, 0, text.stdout);
  assert.match(text.stdout, /^Cluster demo: ready, driver local, version \d+\.\d+\.\d+, made \d{4}-/);
  assert.match(text.stdout, /answers[\s\S]*in 36\d days[\s\S]*demo-1 .* Ready +control-plane/);
  const status = JSON.parse((await suite.slipway(['status', 'demo', '-o', 'json'])).stdout);
  // The one that is named is the first of all, on this computer and on every node.
  const [, name, days] = /^Certificates: the first to end is (\S+), in (\d+) days$/m.exec(text.stdout) ?? [];
  const certificates = status.certificates as { name: string; daysLeft: number }[];
  assert.equal(Math.min(...certificates.map(({ daysLeft }) => daysLeft)), Number(days));
  assert.ok(certificates.some((certificate) => certificate.name === name && certificate.daysLeft === Number(days)));
  assert.deepEqual(
    status.nodes.map((node: { ready: boolean }) => node.ready),
    [true, true],
  );
});

test('down leaves nothing', async () => {
  const result = await suite.slipway(['down', 'demo']);
  assert.equal(result.code, 0, result.stderr);
  assert.deepEqual(await suite.leftovers(), []);
  assert.doesNotMatch(readFileSync(suite.kubeconfig, 'utf8'), /slipway-demo/);
});
