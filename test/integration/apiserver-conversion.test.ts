/** Versions of custom resources: names alone change, or a webhook converts; defaults are there on reading. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { KubeObject } from '../../src/api/meta/object.ts';
import type { ApiRequest, Transport } from '../../src/api/transport.ts';
import { startApiServer, type TestApiServer } from '../support/api-server.ts';
import { until } from '../support/until.ts';

let api: TestApiServer;
let admin: Transport;
let hook: Server;
let calls = 0;
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const GROUP = 'convert.example.com';

const send = async (request: ApiRequest): Promise<KubeObject> => (await admin.send(request)).body as KubeObject;
const listPath = (plural: string, version: string): string => `/apis/${GROUP}/${version}/namespaces/default/${plural}`;
const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

const define = async (plural: string, kind: string, more: object, storage: 'v1' | 'v2' = 'v1'): Promise<void> => {
  const version = (name: string) => ({
    name,
    served: true,
    storage: name === storage,
    schema: { openAPIV3Schema: open },
    ...(plural === 'hosts' && name === 'v2' ? { selectableFields: [{ jsonPath: '.host' }] } : {}),
  });
  await send({
    method: 'POST',
    path: CRDS,
    body: {
      kind: 'CustomResourceDefinition',
      apiVersion: 'apiextensions.k8s.io/v1',
      metadata: { name: `${plural}.${GROUP}` },
      spec: { group: GROUP, scope: 'Namespaced', names: { plural, kind }, versions: [version('v1'), version('v2')], ...more },
    },
  });
  await until(async () =>
    send({ method: 'GET', path: listPath(plural, 'v2') }).then(
      () => true,
      () => false,
    ),
  );
};
const change = async (
  plural: string,
  edit: (spec: { versions: { name: string; storage: boolean; schema: object }[] }) => void,
): Promise<void> => {
  // The definition's own status comes in between: until the write is on top of it.
  await until(async () => {
    const definition = structuredClone(await send({ method: 'GET', path: `${CRDS}/${plural}.${GROUP}` }));
    edit(definition['spec'] as Parameters<typeof edit>[0]);
    return send({ method: 'PUT', path: `${CRDS}/${plural}.${GROUP}`, body: definition }).then(
      () => true,
      () => false,
    );
  });
};
const make = (plural: string, kind: string, version: string, object: object): Promise<KubeObject> =>
  send({ method: 'POST', path: listPath(plural, version), body: { kind, apiVersion: `${GROUP}/${version}`, ...object } });

before(async () => {
  api = await startApiServer({ log: 'silent' });
  admin = api.server.localTransport({ name: 'admin', groups: ['system:masters'] });
  const serving = await api.issueServing();
  // Moves `hostPort` of v1 to `host` and `port` of v2 and back.
  hook = createServer({ cert: serving.certPem, key: serving.keyPem }, (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      calls++;
      const review = JSON.parse(Buffer.concat(parts).toString()) as {
        request: { uid: string; desiredAPIVersion: string; objects: Record<string, unknown>[] };
      };
      const { uid, desiredAPIVersion, objects } = review.request;
      const convertedObjects = objects.map(({ hostPort, host, port, ...rest }) => ({
        ...rest,
        apiVersion: desiredAPIVersion,
        ...(desiredAPIVersion.endsWith('/v2')
          ? { host: String(hostPort).split(':')[0], port: String(hostPort).split(':')[1] }
          : { hostPort: `${host}:${port}` }),
      }));
      response.end(JSON.stringify({ ...review, response: { uid, result: { status: 'Success' }, convertedObjects } }));
    });
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
});

after(async () => {
  await api.stop();
  hook.closeAllConnections();
  hook.close();
});

test('without conversion an object shows the version that is asked for, whichever it was stored in', async () => {
  await define('plains', 'Plain', {});
  await make('plains', 'Plain', 'v1', { metadata: { name: 'one' } });
  await change('plains', ({ versions }) => {
    for (const version of versions) version.storage = version.name === 'v2';
  });
  await until(async () => (await make('plains', 'Plain', 'v1', { metadata: { generateName: 'more-' } })).apiVersion === `${GROUP}/v1`);
  for (const version of ['v1', 'v2']) {
    const list = await send({ method: 'GET', path: listPath('plains', version) });
    for (const item of list['items'] as KubeObject[]) assert.equal(item.apiVersion, `${GROUP}/${version}`);
  }
  const patched = await send({
    method: 'PATCH',
    path: `${listPath('plains', 'v2')}/one`,
    contentType: 'application/merge-patch+json',
    body: { a: 1 },
  } as ApiRequest);
  assert.deepEqual([patched['a'], patched.apiVersion], [1, `${GROUP}/v2`]);
});

test('defaults that a definition gains are there on reading', async () => {
  await define('latecomers', 'Latecomer', {});
  await make('latecomers', 'Latecomer', 'v1', { metadata: { name: 'early' } });
  await change('latecomers', ({ versions }) => {
    for (const version of versions)
      version.schema = { openAPIV3Schema: { type: 'object', properties: { a: { type: 'string', default: 'A' } } } };
  });
  await until(async () => (await send({ method: 'GET', path: `${listPath('latecomers', 'v1')}/early` }))['a'] === 'A');
});

test('a webhook converts on reading, listing, watching and writing', async () => {
  const { port } = hook.address() as AddressInfo;
  const clientConfig = { url: `https://127.0.0.1:${port}/`, caBundle: Buffer.from(api.caPem).toString('base64') };
  await define('hosts', 'Host', { conversion: { strategy: 'Webhook', webhook: { clientConfig, conversionReviewVersions: ['v1'] } } });
  const made = await make('hosts', 'Host', 'v2', { metadata: { name: 'two' }, host: 'b', port: '2' });
  assert.deepEqual([made['host'], made['port'], made['hostPort']], ['b', '2', undefined]);
  await make('hosts', 'Host', 'v1', { metadata: { name: 'one' }, hostPort: 'a:1' });
  const asV1 = await send({ method: 'GET', path: `${listPath('hosts', 'v1')}/two` });
  assert.equal(asV1['hostPort'], 'b:2');
  const list = await send({ method: 'GET', path: listPath('hosts', 'v2') });
  assert.deepEqual(
    (list['items'] as KubeObject[]).map((item) => [item['host'], item['port']]),
    [
      ['a', '1'],
      ['b', '2'],
    ],
  );
  const before = calls;
  await send({ method: 'GET', path: listPath('hosts', 'v2') });
  assert.equal(calls, before, 'what was converted is remembered');
  const stop = new AbortController();
  const seen: unknown[] = [];
  for await (const event of admin.watch({ method: 'GET', path: listPath('hosts', 'v2'), signal: stop.signal })) {
    seen.push((event.object as KubeObject)['host']);
    if (seen.length === 2) break;
  }
  stop.abort();
  assert.deepEqual(seen, ['a', 'b']);
  const selected = await send({ method: 'GET', path: listPath('hosts', 'v2'), query: { fieldSelector: 'host=a' } });
  assert.deepEqual(
    (selected['items'] as KubeObject[]).map(({ metadata }) => metadata.name),
    ['one'],
  );
  const put = (name: string, host: string) =>
    send({
      method: 'PATCH',
      path: `${listPath('hosts', 'v2')}/${name}`,
      contentType: 'application/merge-patch+json',
      body: { host },
    } as ApiRequest);
  const query = { fieldSelector: 'host=a', resourceVersion: String((selected.metadata as { resourceVersion?: string }).resourceVersion) };
  await put('two', 'a');
  await put('one', 'c');
  await put('one', 'd');
  const events: string[] = [];
  for await (const { type, object } of admin.watch({ method: 'GET', path: listPath('hosts', 'v2'), query })) {
    events.push(`${type} ${(object as KubeObject).metadata.name}`);
    if (events.length === 2) await put('two', 'e');
    if (events.length === 3) break;
  }
  assert.deepEqual(events, ['ADDED two', 'DELETED one', 'DELETED two']);
  const gone = await send({ method: 'DELETE', path: `${listPath('hosts', 'v2')}/one` });
  assert.ok(gone);
});
