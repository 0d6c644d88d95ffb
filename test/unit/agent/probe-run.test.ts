import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import grpc from '@grpc/grpc-js';
import type { CriClient } from '../../../src/agent/cri/cri-client.ts';
import { type ProbeResult, runProbe } from '../../../src/agent/pods/probe-run.ts';

/** grpc.health.v1.HealthCheckResponse.ServingStatus by service; others are unknown to the server. */
const SERVING: Readonly<Record<string, number>> = { '': 1, ready: 1, broken: 2 };

const server = new grpc.Server();
let port = 0;

before(async () => {
  server.addService(
    {
      Check: {
        path: '/grpc.health.v1.Health/Check',
        requestStream: false,
        responseStream: false,
        requestSerialize: (bytes: Buffer) => bytes,
        requestDeserialize: (bytes: Buffer) => ({ service: bytes.subarray(2).toString() }),
        responseSerialize: (status: number) => Buffer.from([0x08, status]),
        responseDeserialize: (bytes: Buffer) => bytes,
      },
    },
    {
      Check: (call: grpc.ServerUnaryCall<{ service: string }, number>, answer: grpc.sendUnaryData<number>) => {
        const { service } = call.request;
        if (service === 'slow') return;
        const status = SERVING[service];
        if (status === undefined) answer({ code: grpc.status.NOT_FOUND, details: 'unknown service' });
        else answer(null, status);
      },
    },
  );
  port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
  );
});
after(() => server.forceShutdown());

const probe = (grpcProbe: { port: number; service?: string }): Promise<ProbeResult> =>
  runProbe({ grpc: grpcProbe, timeoutSeconds: 1 }, { container: { name: 'c' }, containerId: '', podIP: '127.0.0.1' }, {} as CriClient);

test('a gRPC probe asks the health service', async () => {
  assert.deepEqual(await probe({ port }), { ok: true });
  assert.deepEqual(await probe({ port, service: 'ready' }), { ok: true });
  assert.deepEqual(await probe({ port, service: 'broken' }), {
    ok: false,
    message: 'service unhealthy (responded with "NOT_SERVING")',
  });
  assert.deepEqual(await probe({ port, service: 'other' }), { ok: false, message: 'error: health rpc probe failed: unknown service' });
});

test('a gRPC probe fails when nobody answers in time', async () => {
  const slow = await probe({ port, service: 'slow' });
  assert.equal(slow.ok, false);
  assert.match('message' in slow ? slow.message : '', /within 1s: context deadline exceeded/);
  assert.equal((await probe({ port: 1 })).ok, false);
});
