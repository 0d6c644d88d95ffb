/** Logs, exec and the other streams travel as bytes to the agent of the pod's node, and only for those who may. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createPlainServer } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import WebSocket from 'ws';
import type { KeyPair } from '../../src/pki/certificates.ts';
import { startApiServer, type TestApiServer } from '../support/api-server.ts';
import { rawRequest } from '../support/raw-request.ts';

let server: TestApiServer;
let agent: Server;
const seen: { method: string; url: string; client: string; authorization: string | undefined }[] = [];

before(async () => {
  server = await startApiServer();
  const serving = await server.issueServing();
  agent = createServer({
    ...{ cert: serving.certPem, key: serving.keyPem, ca: server.caPem },
    ...{ requestCert: true, rejectUnauthorized: true, maxHeaderSize: 1024 * 1024 },
  });
  const note = (request: import('node:http').IncomingMessage): void => {
    const client = (request.socket as TLSSocket).getPeerCertificate().subject.CN as unknown as string;
    seen.push({ method: request.method ?? '', url: request.url ?? '', client, authorization: request.headers.authorization });
  };
  agent.on('request', (request, response) => {
    note(request);
    if (request.url?.includes('refused')) response.writeHead(418).end('no');
    else response.writeHead(200, { 'content-type': 'text/plain' }).end('line 1\nline 2\n');
  });
  agent.on('upgrade', (request, socket, head) => {
    note(request);
    if (request.url?.includes('command=refuse')) {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno');
      return;
    }
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ${request.headers.upgrade}\r\n\r\n`);
    if (head.length) socket.write(head);
    socket.pipe(socket);
  });
  agent.listen(0, '127.0.0.1');
  await once(agent, 'listening');
  const { port } = agent.address() as AddressInfo;
  const transport = server.server.localTransport({ name: 'admin', groups: ['system:masters'] });
  const make = (path: string, body: object) => transport.send({ method: 'POST', path, body });
  await make('/api/v1/nodes', {
    kind: 'Node',
    apiVersion: 'v1',
    metadata: { name: 'n1' },
    status: { addresses: [{ type: 'InternalIP', address: '127.0.0.1' }], daemonEndpoints: { kubeletEndpoint: { Port: port } } },
  });
  await make('/api/v1/namespaces/default/serviceaccounts', { kind: 'ServiceAccount', apiVersion: 'v1', metadata: { name: 'default' } });
  await make('/api/v1/namespaces/default/pods', {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: 'web' },
    spec: {
      nodeName: 'n1',
      containers: [
        { name: 'a', image: 'x' },
        { name: 'b', image: 'x' },
      ],
    },
  });
});
after(async () => {
  await server.stop();
  agent.closeAllConnections();
  agent.close();
});

const admin = () => ({ url: server.url, caPem: server.caPem, cert: server.admin.certPem, key: server.admin.keyPem });

const upgrade = async (path: string, who: KeyPair, headers: string[] = []): Promise<{ socket: TLSSocket; head: string }> => {
  const { port } = new URL(server.url);
  const socket = connect({
    host: '127.0.0.1',
    port: Number(port),
    ca: server.caPem,
    cert: who.certPem,
    key: who.keyPem,
    ALPNProtocols: ['http/1.1'],
  });
  await once(socket, 'secureConnect');
  socket.write(
    `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: SPDY/3.1\r\n${headers.map((one) => `${one}\r\n`).join('')}content-length: 0\r\n\r\n`,
  );
  let head = '';
  while (!head.includes('\r\n\r\n')) head += String((await once(socket, 'data'))[0]);
  return { socket, head };
};

test('a log comes from the agent, which sees the API server as its client', async () => {
  const answer = await rawRequest(admin(), { path: '/api/v1/namespaces/default/pods/web/log?container=b&tailLines=2&follow=true' });
  assert.equal(answer.code, 200);
  assert.equal(answer.text, 'line 1\nline 2\n');
  const last = seen.at(-1);
  assert.equal(last?.url, '/containerLogs/default/web/b?tailLines=2&follow=true');
  assert.equal(last?.client, 'kube-apiserver-kubelet-client');
});

test('a log is sent as messages to who asks for a WebSocket', async () => {
  for (const [protocol, isBase64] of [
    [[], false],
    [['binary.k8s.io'], false],
    [['base64.binary.k8s.io'], true],
  ] as const) {
    const socket = new WebSocket(
      `${server.url.replace('https', 'wss')}/api/v1/namespaces/default/pods/web/log?container=b`,
      [...protocol],
      {
        ca: server.caPem,
        cert: server.admin.certPem,
        key: server.admin.keyPem,
      },
    );
    let text = '';
    socket.on('message', (data: Buffer, isBinary) => {
      assert.equal(isBinary, !isBase64);
      text += isBase64 ? Buffer.from(data.toString(), 'base64').toString() : data.toString();
    });
    const [code] = await once(socket, 'close');
    assert.equal(code, 1000);
    assert.equal(text, 'line 1\nline 2\n');
  }
});

test('a container must be named where there are several', async () => {
  const answer = await rawRequest(admin(), { path: '/api/v1/namespaces/default/pods/web/log' });
  assert.equal(answer.code, 400);
  assert.equal(answer.json.message, 'a container name must be specified for pod web, choose one of: [a b]');
});

test('an upgrade becomes a pipe of bytes in both directions', async () => {
  const { socket, head } = await upgrade(
    '/api/v1/namespaces/default/pods/web/exec?container=a&command=sh&stdin=true&stdout=true',
    server.admin,
    ['authorization: Bearer secret'],
  );
  assert.match(head, /^HTTP\/1\.1 101 /);
  assert.match(head, /upgrade: SPDY\/3\.1/i);
  socket.write('hello');
  assert.equal(String((await once(socket, 'data'))[0]), 'hello');
  socket.destroy();
  assert.equal(seen.at(-1)?.url, '/exec/default/web/a?command=sh&stdin=true&stdout=true');
  assert.equal(seen.at(-1)?.authorization, undefined);
});

test('a long command for exec reaches the agent whole', async () => {
  const command = 'a'.repeat(200_000);
  const { socket, head } = await upgrade(`/api/v1/namespaces/default/pods/web/exec?container=a&command=${command}`, server.admin);
  assert.match(head, /^HTTP\/1\.1 101 /);
  socket.destroy();
  assert.equal(seen.at(-1)?.url, `/exec/default/web/a?command=${command}`);
});

test('an upgrade that the agent refuses is answered with its words and ends', async () => {
  const { socket, head } = await upgrade('/api/v1/namespaces/default/pods/web/exec?container=a&command=refuse', server.admin);
  assert.match(head, /^HTTP\/1\.1 403 /);
  await once(socket, 'close');
});

test('who may not is refused before the agent hears of it', async () => {
  const bob = await server.issue('bob');
  const before = seen.length;
  const { socket, head } = await upgrade('/api/v1/namespaces/default/pods/web/exec?container=a&command=sh', bob);
  assert.match(head, /^HTTP\/1\.1 403 /);
  assert.match(head, /cannot create resource \\"pods\/exec\\"/);
  socket.destroy();
  assert.equal(seen.length, before);
});

test('a proxy reaches the pod itself', async () => {
  const web = createPlainServer((request, response) => response.end(`you asked ${request.url}`));
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  const { port } = web.address() as AddressInfo;
  const transport = server.server.localTransport({ name: 'admin', groups: ['system:masters'] });
  await transport.send({
    method: 'PATCH',
    path: '/api/v1/namespaces/default/pods/web/status',
    contentType: 'application/merge-patch+json',
    body: { status: { phase: 'Running', podIP: '127.0.0.1', podIPs: [{ ip: '127.0.0.1' }] } },
  });
  const answer = await rawRequest(admin(), { path: `/api/v1/namespaces/default/pods/web:${port}/proxy/some/where?x=1` });
  assert.equal(answer.text, 'you asked /some/where?x=1');
  web.close();
});
