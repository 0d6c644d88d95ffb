/** Admission webhooks: who is asked, what about, and what follows from the answer. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import type { KubeObject } from '../../src/api/meta/object.ts';
import { StatusError } from '../../src/api/meta/status.ts';
import type { ApiRequest, Transport } from '../../src/api/transport.ts';
import { startApiServer, type TestApiServer } from '../support/api-server.ts';

interface Review {
  uid: string;
  operation: string;
  object: KubeObject | null;
  oldObject: KubeObject | null;
  [field: string]: unknown;
}
type Answer = { allowed: boolean; patch?: unknown[]; status?: object; warnings?: string[] } | 'silence' | 'broken';

let api: TestApiServer;
let admin: Transport;
let hooks: Server;
let answer: (review: Review, path: string) => Answer;
let asked: { path: string; review: Review }[] = [];
const CONFIGMAPS = '/api/v1/namespaces/default/configmaps';
const GROUP = '/apis/admissionregistration.k8s.io/v1';

const send = async (request: ApiRequest): Promise<KubeObject> => (await admin.send(request)).body as KubeObject;
const makeMap = (name: string, more: { labels?: Record<string, string>; query?: Record<string, string> } = {}): Promise<KubeObject> =>
  send({
    method: 'POST',
    path: CONFIGMAPS,
    query: more.query ?? {},
    body: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name, ...(more.labels ? { labels: more.labels } : {}) }, data: { a: '1' } },
  });
const refused = async (promise: Promise<unknown>): Promise<StatusError> => {
  const error = await promise.then(
    () => assert.fail('was allowed'),
    (one: unknown) => one,
  );
  assert.ok(error instanceof StatusError, String(error));
  return error;
};

const configure = (type: 'Mutating' | 'Validating', webhooks: Record<string, unknown>[]): Promise<KubeObject> => {
  const { port } = hooks.address() as AddressInfo;
  return send({
    method: 'POST',
    path: `${GROUP}/${type.toLowerCase()}webhookconfigurations`,
    body: {
      kind: `${type}WebhookConfiguration`,
      apiVersion: 'admissionregistration.k8s.io/v1',
      metadata: { name: 'test' },
      webhooks: webhooks.map(({ path = '/', ...one }, at) => ({
        name: `hook${at}.example.com`,
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['configmaps'] }],
        clientConfig: { url: `https://127.0.0.1:${port}${path}`, caBundle: Buffer.from(api.caPem).toString('base64') },
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        timeoutSeconds: 2,
        ...one,
      })),
    },
  });
};

before(async () => {
  api = await startApiServer({ log: 'silent' });
  admin = api.server.localTransport({ name: 'admin', groups: ['system:masters'] });
  const serving = await api.issueServing();
  hooks = createServer({ cert: serving.certPem, key: serving.keyPem }, (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const review = (JSON.parse(Buffer.concat(parts).toString()) as { request: Review }).request;
      const path = (request.url ?? '').split('?', 1)[0] as string;
      asked.push({ path, review });
      const given = answer(review, path);
      if (given === 'silence') return;
      if (given === 'broken') {
        response.end('{');
        return;
      }
      const { patch, ...rest } = given;
      const patched = patch ? { patch: Buffer.from(JSON.stringify(patch)).toString('base64'), patchType: 'JSONPatch' } : {};
      response.end(
        JSON.stringify({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response: { uid: review.uid, ...rest, ...patched } }),
      );
    });
  });
  await new Promise<void>((resolve) => hooks.listen(0, '127.0.0.1', resolve));
});

after(async () => {
  await api.stop();
  hooks.closeAllConnections();
  hooks.close();
});

beforeEach(async () => {
  for (const kind of ['mutating', 'validating'])
    await send({ method: 'DELETE', path: `${GROUP}/${kind}webhookconfigurations/test` }).catch(() => undefined);
  await send({ method: 'DELETE', path: CONFIGMAPS });
  asked = [];
  answer = () => ({ allowed: true });
});

test('a validating webhook refuses with its reason and code, and sees old and new object', async () => {
  await configure('Validating', [{}]);
  await makeMap('one');
  answer = () => ({ allowed: false, status: { message: 'not today', code: 418, reason: 'Teapot' } });
  const error = await refused(send({ method: 'DELETE', path: `${CONFIGMAPS}/one` }));
  assert.equal(error.message, 'admission webhook "hook0.example.com" denied the request: not today');
  assert.equal(error.status.code, 418);
  const [created, deleted] = asked.map(({ review }) => review);
  assert.deepEqual([created?.operation, created?.oldObject, created?.object?.metadata.name], ['CREATE', null, 'one']);
  assert.deepEqual([deleted?.operation, deleted?.oldObject?.metadata.name, deleted?.object], ['DELETE', 'one', null]);
  assert.deepEqual(created?.['resource'], { group: '', version: 'v1', resource: 'configmaps' });
});

test('patches of mutating webhooks add up, and those who want it are asked again', async () => {
  await configure('Mutating', [{ path: '/first', reinvocationPolicy: 'IfNeeded' }, { path: '/second' }]);
  answer = ({ object }, path) => {
    const data = (object as { data?: Record<string, string> }).data ?? {};
    const key = path.slice(1);
    return {
      allowed: true,
      ...(data[key] ? {} : { patch: [{ op: 'add', path: `/data/${key}`, value: String(Object.keys(data).length) }] }),
    };
  };
  const made = await makeMap('two');
  assert.deepEqual(made['data'], { a: '1', first: '1', second: '2' });
  assert.deepEqual(
    asked.map(({ path }) => path),
    ['/first', '/second', '/first'],
  );
});

test('unknown fields that a patch brings are pruned', async () => {
  await configure('Mutating', [{}]);
  answer = () => ({
    allowed: true,
    patch: [
      { op: 'add', path: '/nonsense', value: 1 },
      { op: 'replace', path: '/data', value: { b: '2' } },
    ],
  });
  const made = await makeMap('three');
  assert.deepEqual(made['data'], { b: '2' });
  assert.ok(!('nonsense' in made));
});

test('a webhook that does not answer in time refuses or is passed over, as configured', async () => {
  answer = () => 'silence';
  await configure('Validating', [{ timeoutSeconds: 1 }]);
  const error = await refused(makeMap('four'));
  assert.equal(error.status.code, 500);
  assert.match(
    error.message,
    /failed calling webhook "hook0\.example\.com": failed to call webhook: Post "https:.*\?timeout=1s": context deadline exceeded/,
  );
  await send({ method: 'DELETE', path: `${GROUP}/validatingwebhookconfigurations/test` });
  await configure('Validating', [{ timeoutSeconds: 1, failurePolicy: 'Ignore' }]);
  await makeMap('four');
});

test('an answer that is no review is a failure', async () => {
  answer = () => 'broken';
  await configure('Validating', [{}]);
  assert.equal((await refused(makeMap('five'))).status.code, 500);
});

test('selectors and conditions decide who is asked', async () => {
  await configure('Validating', [
    { objectSelector: { matchLabels: { ask: 'yes' } }, path: '/labels' },
    { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'elsewhere' } }, path: '/namespace' },
    { matchConditions: [{ name: 'long', expression: 'object.metadata.name.size() > 3' }], path: '/conditions' },
  ]);
  await makeMap('six', { labels: { ask: 'yes' } });
  await makeMap('sixteen');
  assert.deepEqual(
    asked.map(({ path, review }) => `${review.object?.metadata.name} ${path}`),
    ['six /labels', 'sixteen /conditions'],
  );
});

test('a condition that does not compile is refused with the configuration', async () => {
  const error = await refused(configure('Validating', [{ matchConditions: [{ name: 'bad', expression: '... [] bad expression' }] }]));
  assert.match(error.message, /webhooks\[0\]\.matchConditions\[0\]\.expression: Invalid value: .*compilation failed/);
});

test('a dry run asks only webhooks without side effects', async () => {
  await configure('Validating', [{}]);
  await makeMap('seven', { query: { dryRun: 'All' } });
  assert.equal(asked[0]?.review['dryRun'], true);
});

test('warnings reach the client, configurations of webhooks are never asked about', async () => {
  await configure('Validating', [{ rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'] }] }]);
  answer = () => ({ allowed: false });
  await send({ method: 'DELETE', path: `${GROUP}/validatingwebhookconfigurations/test` });
  assert.deepEqual(asked, []);
});
