import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { createCriClient } from '../../../src/agent/cri/cri-client.ts';

const folder = mkdtempSync(join(tmpdir(), 'cri-'));
const socket = join(folder, 'runtime.sock');
const server = new grpc.Server();
const cri = createCriClient(socket);
after(() => {
  cri.close();
  server.forceShutdown();
  rmSync(folder, { recursive: true });
});

test('an output that a command did not write is an empty buffer', async () => {
  // stderr "no\n" and exit code 1, on the wire; stdout is not sent.
  const answer = Buffer.from([0x12, 3, ...Buffer.from('no\n'), 0x18, 1]);
  const bytes = { requestStream: false, responseStream: false, requestSerialize: Buffer.from, requestDeserialize: (sent: Buffer) => sent };
  const method = {
    ...bytes,
    path: '/runtime.v1.RuntimeService/ExecSync',
    responseSerialize: Buffer.from,
    responseDeserialize: Buffer.from,
  };
  const service = { ExecSync: method } as unknown as grpc.ServiceDefinition;
  server.addService(service, { ExecSync: (_call: unknown, done: (error: null, sent: Buffer) => void) => done(null, answer) });
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix:${socket}`, grpc.ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())),
  );
  const { exitCode, stdout, stderr } = await cri.execSync({ containerId: 'c', cmd: ['false'], timeout: 1 });
  assert.equal(exitCode, 1);
  assert.equal(Buffer.concat([stdout, stderr]).toString(), 'no\n');
});
