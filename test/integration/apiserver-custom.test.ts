/** Custom resources: what a definition says is served, checked, pruned and removed like a built-in kind. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubeObject } from '../../src/api/meta/object.ts';
import type { ApiRequest, Transport } from '../../src/api/transport.ts';
import { startApiServer, type TestApiServer } from '../support/api-server.ts';
import { rawRequest } from '../support/raw-request.ts';
import { until } from '../support/until.ts';

let server: TestApiServer;
let admin: Transport;
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const SHIRTS = '/apis/stable.example.com/v1/namespaces/default/shirts';

const definition = {
  kind: 'CustomResourceDefinition',
  apiVersion: 'apiextensions.k8s.io/v1',
  metadata: { name: 'shirts.stable.example.com' },
  spec: {
    group: 'stable.example.com',
    scope: 'Namespaced',
    names: { plural: 'shirts', singular: 'shirt', kind: 'Shirt', shortNames: ['sh'] },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                required: ['color'],
                properties: {
                  color: { type: 'string', pattern: '^[a-z]+$', maxLength: 10 },
                  size: { type: 'string', default: 'M', enum: ['M', 'L'] },
                  replicas: { type: 'integer', minimum: 0 },
                  tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
                },
              },
              status: { type: 'object', properties: { replicas: { type: 'integer' } } },
            },
          },
        },
        selectableFields: [{ jsonPath: '.spec.color' }],
        additionalPrinterColumns: [{ jsonPath: '.spec.color', name: 'Color', type: 'string' }],
        subresources: { status: {}, scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' } },
      },
      {
        name: 'v2',
        served: true,
        storage: false,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

const send = async (request: ApiRequest): Promise<KubeObject> => (await admin.send(request)).body as KubeObject;
const make = (name: string, spec: object, query: Record<string, string> = {}): Promise<KubeObject> =>
  send({ method: 'POST', path: SHIRTS, query, body: { kind: 'Shirt', apiVersion: 'stable.example.com/v1', metadata: { name }, spec } });
const isEstablished = async (): Promise<boolean> => {
  const crd = await send({ method: 'GET', path: `${CRDS}/shirts.stable.example.com` });
  const conditions = ((crd['status'] as { conditions?: { type: string; status: string }[] }).conditions ?? []) as {
    type: string;
    status: string;
  }[];
  return conditions.some(({ type, status }) => type === 'Established' && status === 'True');
};

before(async () => {
  server = await startApiServer();
  admin = server.server.localTransport({ name: 'admin', groups: ['system:masters'] });
  await send({ method: 'POST', path: CRDS, body: definition });
  await until(isEstablished);
});
after(() => server.stop());

test('defaults are set, and what the schema does not allow is refused field by field', async () => {
  const made = await make('good', { color: 'blue' });
  assert.deepEqual(made['spec'], { color: 'blue', size: 'M' });
  assert.equal(made.metadata.generation, 1);
  await assert.rejects(make('bad', { color: 'BLUE', size: 'XL', replicas: -1, tags: ['a', 'a'] }), (error: Error) => {
    for (const part of [
      "spec.color in body should match '^[a-z]+$'",
      'supported values: "M", "L"',
      'greater than or equal to 0',
      'spec.tags[1]: Duplicate value',
    ])
      assert.ok(error.message.includes(part), `${part} in ${error.message}`);
    return true;
  });
  await assert.rejects(make('bare', {}), /spec\.color: Required value/);
});

test('unknown fields are pruned, and refused when strictness is asked for', async () => {
  const made = await make('pruned', { color: 'red', foo: 1 });
  assert.deepEqual(made['spec'], { color: 'red', size: 'M' });
  await assert.rejects(
    make('strict', { color: 'red', foo: 1 }, { fieldValidation: 'Strict' }),
    /strict decoding error: unknown field "spec.foo"/,
  );
});

test('status and scale are written apart, other versions and columns are served, fields select', async () => {
  await make('scaled', { color: 'green', replicas: 1 });
  const scale = await send({ method: 'GET', path: `${SHIRTS}/scaled/scale` });
  await send({ method: 'PUT', path: `${SHIRTS}/scaled/scale`, body: { ...scale, spec: { replicas: 4 } } });
  await send({
    method: 'PATCH',
    path: `${SHIRTS}/scaled/status`,
    contentType: 'application/merge-patch+json',
    body: { status: { replicas: 3 }, spec: { replicas: 9 } },
  });
  const other = await send({ method: 'GET', path: '/apis/stable.example.com/v2/namespaces/default/shirts/scaled' });
  assert.equal(other.apiVersion, 'stable.example.com/v2');
  assert.deepEqual([(other['spec'] as { replicas: number }).replicas, other['status']], [4, { replicas: 3 }]);
  const green = await send({ method: 'GET', path: SHIRTS, query: { fieldSelector: 'spec.color=green' } });
  assert.equal((green['items'] as unknown[]).length, 1);
  const table = await rawRequest(
    { url: server.url, caPem: server.caPem, cert: server.admin.certPem, key: server.admin.keyPem },
    { path: `${SHIRTS}/scaled`, headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } },
  );
  assert.deepEqual(table.json.rows[0].cells, ['scaled', 'green']);
});

test('names that are taken are not accepted twice', async () => {
  const twin = structuredClone(definition);
  twin.metadata.name = 'vests.stable.example.com';
  twin.spec.names = { plural: 'vests', singular: 'vest', kind: 'Shirt', shortNames: [] };
  await send({ method: 'POST', path: CRDS, body: twin });
  await until(async () => {
    const crd = await send({ method: 'GET', path: `${CRDS}/vests.stable.example.com` });
    return JSON.stringify(crd['status']).includes('"type":"NamesAccepted","status":"False"');
  });
});

test('a definition that is deleted takes its objects and its paths with it', async () => {
  await send({ method: 'DELETE', path: `${CRDS}/shirts.stable.example.com` });
  await until(async () => Array.isArray((await send({ method: 'GET', path: CRDS }))['items']) && !(await exists()));
  await until(() =>
    send({ method: 'GET', path: SHIRTS }).then(
      () => false,
      () => true,
    ),
  );
});

const exists = async (): Promise<boolean> =>
  send({ method: 'GET', path: `${CRDS}/shirts.stable.example.com` }).then(
    () => true,
    () => false,
  );
