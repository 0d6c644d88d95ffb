import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { CriError } from '../../../src/agent/cri/cri-client.ts';
import { type ProbeResult, runProbe } from '../../../src/agent/pods/probe-run.ts';
import { PodProber } from '../../../src/agent/pods/prober.ts';
import type { RuntimePod } from '../../../src/agent/pods/runtime-state.ts';
import type { Stored } from '../../../src/api/meta/object.ts';
import type { Container, Pod, Probe } from '../../../src/api/types/core-v1.ts';
import { until } from '../../support/until.ts';

const execAnswers = (answer: () => number | Error) =>
  ({
    execSync: async () => {
      const given = answer();
      if (given instanceof Error) throw given;
      return { exitCode: given, stdout: Buffer.from('out'), stderr: Buffer.alloc(0) };
    },
  }) as never;
const probing = (probe: Probe, container: Partial<Container> = {}, cri = execAnswers(() => 0)): Promise<ProbeResult> =>
  runProbe(probe, { container: { name: 'c', ...container }, containerId: 'x', podIP: '127.0.0.1' }, cri);

test('an HTTP probe takes 200 to 399 for success, sends its headers, and resolves named ports', async () => {
  const seen: string[] = [];
  const server = createHttpServer((request, response) => {
    seen.push(`${request.url} ${request.headers['user-agent']} ${request.headers['x-a']}`);
    response.writeHead(request.url === '/bad' ? 500 : 302, { location: '/elsewhere' }).end('body');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const named = { ports: [{ name: 'web', containerPort: port }] };
  assert.deepEqual(await probing({ httpGet: { path: 'ok', port: 'web', httpHeaders: [{ name: 'X-A', value: '1' }] } }, named), {
    ok: true,
  });
  assert.deepEqual(seen, ['/ok kube-probe/1.36 1']);
  assert.deepEqual(await probing({ httpGet: { path: '/bad', port } }), { ok: false, message: 'HTTP probe failed with statuscode: 500' });
  assert.deepEqual(await probing({ httpGet: { port: 'none' } }), { ok: false, message: 'couldn\'t find port: "none" in pod' });
  server.close();
});

test('a TCP probe asks for a connection and no more', async () => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  assert.deepEqual(await probing({ tcpSocket: { port } }), { ok: true });
  await new Promise((resolve) => server.close(resolve));
  assert.deepEqual(await probing({ tcpSocket: { port } }), {
    ok: false,
    message: `dial tcp 127.0.0.1:${port}: connect: connection refused`,
  });
});

test('an exec probe fails by exit code and by time; a runtime that is away says nothing about the container', async () => {
  const exec = { exec: { command: ['look'] } };
  assert.deepEqual(
    await probing(
      exec,
      {},
      execAnswers(() => 1),
    ),
    { ok: false, message: 'out' },
  );
  const late = new CriError('ExecSync', 'DEADLINE_EXCEEDED', 'late');
  assert.deepEqual(
    await probing(
      exec,
      {},
      execAnswers(() => late),
    ),
    { ok: false, message: 'command timed out: "look" timed out after 1s' },
  );
  const away = new CriError('ExecSync', 'UNAVAILABLE', 'away');
  assert.deepEqual(
    await probing(
      exec,
      {},
      execAnswers(() => away),
    ),
    { ok: 'unknown', message: 'away' },
  );
});

test('readiness follows its probe, and liveness reports a container once it has failed often enough', async () => {
  let exitCode = 0;
  let changes = 0;
  const probe: Probe = { exec: { command: ['look'] }, periodSeconds: 0.01, failureThreshold: 2 };
  const pod: Stored<Pod> = {
    metadata: { name: 'p', uid: 'u' },
    spec: { containers: [{ name: 'c', livenessProbe: probe, readinessProbe: probe }] },
  };
  const events: string[] = [];
  const prober = new PodProber({
    cri: execAnswers(() => exitCode),
    events: { record: (_pod, _type, reason, message) => void events.push(`${reason} ${message}`), recordAbout: () => {} },
    changed: () => void changes++,
  });
  const running = { id: 'x', name: 'c', state: 'running', startedAt: Date.now() };
  prober.sync(pod, { containers: [running], sandboxes: [] } as unknown as RuntimePod, '127.0.0.1');
  assert.equal(prober.isReady('c'), false);
  await until(() => prober.isReady('c'), { what: 'it becomes ready' });
  assert.equal(prober.unhealthy.size, 0);
  exitCode = 1;
  await until(() => !prober.isReady('c') && prober.unhealthy.get('x') === 'liveness', { what: 'it is unhealthy' });
  assert.ok(changes >= 3);
  assert.ok(events.includes('Unhealthy Liveness probe failed: out'));
  prober.stop();
});
