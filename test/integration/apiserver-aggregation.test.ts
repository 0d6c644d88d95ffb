/** Extension API servers: what an APIService hands on reaches them with the identity of who asks, and shows up in discovery. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { endpointSlice } from '../../src/api/discovery/endpoint-slice.ts';
import type { KubeObject } from '../../src/api/meta/object.ts';
import type { ApiRequest, Transport } from '../../src/api/transport.ts';
import { createAuthority, issueCertificate, type KeyPair } from '../../src/pki/certificates.ts';
import { startApiServer, type TestApiServer } from '../support/api-server.ts';
import { rawRequest } from '../support/raw-request.ts';
import { until } from '../support/until.ts';

let api: TestApiServer;
let admin: Transport;
let extension: Server;
let authority: KeyPair;
const seen: { url: string; method: string; user: unknown; groups: unknown; authorization: unknown; client: string; body: string }[] = [];
const SERVICES = '/apis/apiregistration.k8s.io/v1/apiservices';

const send = async (request: ApiRequest): Promise<KubeObject> => (await admin.send(request)).body as KubeObject;
const available = async (): Promise<{ status: string; reason: string; message: string } | undefined> => {
  const { status } = (await send({ method: 'GET', path: `${SERVICES}/v1.wardle.example.com` })) as KubeObject & {
    status?: { conditions?: { type: string; status: string; reason: string; message: string }[] };
  };
  return status?.conditions?.find(({ type }) => type === 'Available');
};
const register = (): Promise<KubeObject> =>
  send({
    method: 'POST',
    path: SERVICES,
    body: {
      kind: 'APIService',
      apiVersion: 'apiregistration.k8s.io/v1',
      metadata: { name: 'v1.wardle.example.com' },
      spec: {
        group: 'wardle.example.com',
        version: 'v1',
        service: { namespace: 'default', name: 'wardle', port: 7443 },
        caBundle: Buffer.from(authority.certPem).toString('base64'),
        groupPriorityMinimum: 2000,
        versionPriority: 200,
      },
    },
  });
const asAdmin = () => ({ url: api.url, caPem: api.caPem, cert: api.admin.certPem, key: api.admin.keyPem });
const isInDiscovery = async (): Promise<boolean> =>
  ((await get('/apis')).json as { groups: { name: string }[] }).groups.some(({ name }) => name === 'wardle.example.com');
const get = (path: string, headers: Record<string, string> = {}) => rawRequest(asAdmin(), { method: 'GET', path, headers });

before(async () => {
  api = await startApiServer({ log: 'silent' });
  admin = api.server.localTransport({ name: 'admin', groups: ['system:masters'] });
  authority = await createAuthority({ commonName: 'extension-ca', years: 1 });
  const serving = await issueCertificate(authority, { commonName: 'x', dnsNames: ['wardle.default.svc'], usages: ['server'], days: 1 });
  const config = (await send({
    method: 'GET',
    path: '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication',
  })) as KubeObject & { data: Record<string, string> };
  const options = { cert: serving.certPem, key: serving.keyPem, ca: config.data['requestheader-client-ca-file'], requestCert: true };
  extension = createServer({ ...options, rejectUnauthorized: true }, (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { url = '', method = '', headers } = request;
      const client = String((request.socket as TLSSocket).getPeerCertificate().subject?.CN);
      seen.push({
        url,
        method,
        user: headers['x-remote-user'],
        groups: headers['x-remote-group'],
        authorization: headers.authorization,
        client,
        body: Buffer.concat(parts).toString(),
      });
      response.setHeader('content-type', 'application/json');
      response.statusCode = method === 'POST' ? 201 : 200;
      if (url === '/apis/wardle.example.com/v1')
        response.end(
          JSON.stringify({
            kind: 'APIResourceList',
            groupVersion: 'wardle.example.com/v1',
            resources: [{ name: 'flunders', singularName: 'flunder', namespaced: true, kind: 'Flunder', verbs: ['get', 'list'] }],
          }),
        );
      else response.end(JSON.stringify({ kind: 'FlunderList', items: [] }));
    });
  });
  await new Promise<void>((resolve) => extension.listen(0, '127.0.0.1', resolve));
});

after(async () => {
  await api.stop();
  extension.closeAllConnections();
  extension.close();
});

test('an APIService without endpoints is not available, and its group answers 503', async () => {
  const { port } = extension.address() as AddressInfo;
  const spec = { ports: [{ port: 7443, targetPort: port }] };
  await send({
    method: 'POST',
    path: '/api/v1/namespaces/default/services',
    body: { kind: 'Service', apiVersion: 'v1', metadata: { name: 'wardle' }, spec },
  });
  await register();
  await until(async () => (await available())?.status === 'False');
  assert.equal((await available())?.reason, 'MissingEndpoints');
  const answer = await get('/apis/wardle.example.com/v1/namespaces/default/flunders');
  assert.equal(answer.code, 503);
});

test('once it has endpoints it is available, in discovery, and answers for itself', async () => {
  const { port } = extension.address() as AddressInfo;
  // Straight into the store: the address of this machine itself is none that a client may write.
  await api.server.cache.resource(endpointSlice).create(
    { namespace: 'default', name: 'wardle-1' },
    {
      kind: 'EndpointSlice',
      apiVersion: 'discovery.k8s.io/v1',
      metadata: { name: 'wardle-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'wardle' } },
      addressType: 'IPv4',
      ports: [{ name: '', port }],
      endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
    },
  );
  await until(async () => (await available())?.status === 'True');
  assert.equal((await available())?.message, 'all checks passed');
  assert.ok(await isInDiscovery());
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const aggregated = (await get('/apis', { accept })).json as { items: { metadata: { name: string }; versions: unknown[] }[] };
  const item = aggregated.items.find(({ metadata }) => metadata.name === 'wardle.example.com');
  assert.deepEqual(item?.versions, [
    {
      version: 'v1',
      freshness: 'Current',
      resources: [
        {
          resource: 'flunders',
          responseKind: { group: 'wardle.example.com', version: 'v1', kind: 'Flunder' },
          scope: 'Namespaced',
          singularResource: 'flunder',
          verbs: ['get', 'list'],
        },
      ],
    },
  ]);
  seen.length = 0;
  const path = '/apis/wardle.example.com/v1/namespaces/default/flunders?limit=5';
  const answer = await rawRequest(asAdmin(), { method: 'POST', path, headers: { 'x-remote-user': 'forged' }, body: '{"a":1}' });
  assert.equal(answer.code, 201);
  assert.deepEqual(
    seen
      .filter(({ user }) => user !== 'system:kube-aggregator')
      .map(({ url, method, user, authorization, client, body }) => ({ url, method, user, authorization, client, body })),
    [{ url: path, method: 'POST', user: 'admin', authorization: undefined, client: 'front-proxy-client', body: '{"a":1}' }],
  );
  assert.match(String(seen.find(({ user }) => user === 'admin')?.groups), /system:masters.*system:authenticated/);
});

test('an APIService that goes takes its group along', async () => {
  await send({ method: 'DELETE', path: `${SERVICES}/v1.wardle.example.com` });
  await until(async () => !(await isInDiscovery()));
  assert.equal((await get('/apis/wardle.example.com/v1')).code, 404);
});

test('what answers through an APIService is in discovery, however new it is', async () => {
  for (let round = 0; round < 3; round += 1) {
    await register();
    assert.equal((await get('/apis/wardle.example.com/v1/namespaces/default/flunders')).code, 200);
    assert.ok(await isInDiscovery(), `round ${round}`);
    await send({ method: 'DELETE', path: `${SERVICES}/v1.wardle.example.com` });
    await until(async () => !(await isInDiscovery()), { withinMs: 3000 });
  }
});
