/** Who may do what, and what writes are admitted: certificates, tokens, RBAC, nodes, quotas, addresses. */
import assert from 'node:assert/strict';
import { Agent, request } from 'node:https';
import { after, before, test } from 'node:test';
import type { KubeObject, Stored } from '../../src/api/meta/object.ts';
import { StatusError } from '../../src/api/meta/status.ts';
import type { ApiRequest, Transport } from '../../src/api/transport.ts';
import type { Pod } from '../../src/api/types/core-v1.ts';
import { createAuthority, issueCertificate, type KeyPair } from '../../src/pki/certificates.ts';
import { startApiServer, type TestApiServer } from '../support/api-server.ts';
import { rawRequest } from '../support/raw-request.ts';
import { until } from '../support/until.ts';

const CSR =
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIR01HNENBUUF3RERFS01BZ0dBMVVFQXd3QmVEQlpNQk1HQnlxR1NNNDlBZ0VHQ0NxR1NNNDlBd0VIQTBJQQpCSWpMRVFEenBNbytOQnRleHhmdXdEM2I1US9EZkplSjAxTHhKTDEybjQvbWVPRFFqNmJaaS9KZm4rY1ZEblRhCjBQUkQ3OWoxQ1hiUVRtanhsMGpWZEptZ0FEQUtCZ2dxaGtqT1BRUURBZ05JQURCRkFpQVB4bFozYkJrN2ZHSVgKS2M2ZS9wQU5Vcmx1VTVXTThNMkdOOXFEaEtpamhnSWhBSUVndFlJaHY4eW5DRHZsdVNxQ1B1R3Z2d2lTdHk2eQpLYU1KZEY4T1c5eEQKLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==';
let server: TestApiServer;
let admin: Transport;
before(async () => {
  server = await startApiServer();
  admin = server.server.localTransport({ name: 'admin', groups: ['system:masters'] });
  await post('/api/v1/namespaces/default/serviceaccounts', { kind: 'ServiceAccount', apiVersion: 'v1', metadata: { name: 'default' } });
});
after(() => server.stop());

const post = async (path: string, body: unknown, as: Transport = admin): Promise<KubeObject> =>
  (await as.send({ method: 'POST', path, body })).body as KubeObject;
const failure = async (call: Promise<unknown>): Promise<StatusError> => {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof StatusError, `expected a Status, got ${String(error)}`);
  return error;
};
const user = (name: string, ...groups: string[]): Transport => server.server.localTransport({ name, groups });
const get = (path: string, as: Transport): Promise<unknown> => as.send({ method: 'GET', path } satisfies ApiRequest);
const podOn = (name: string, nodeName: string, spec: object = {}): object => ({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name },
  spec: { nodeName, automountServiceAccountToken: false, containers: [{ name: 'c', image: 'i' }], ...spec },
});

/** What kube-apiserver 1.36 answered to the same questions over HTTP/1.1, certificate by certificate. */
test('a client certificate that does not hold is refused, unless a token beside it does', async () => {
  const { authority } = server;
  const masters = { commonName: 'admin', organizations: ['system:masters'], days: 1 };
  const client = { ...masters, usages: ['client'] as const };
  const other = await createAuthority({ commonName: 'other', years: 1 });
  const made = await post('/api/v1/namespaces/default/serviceaccounts/default/token', {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    spec: {},
  });
  const { token } = (made as unknown as { status: { token: string } }).status;
  const ask = async (pair: KeyPair | undefined, authorization?: string) => {
    const { code, json } = await rawRequest(
      { url: server.url, caPem: server.caPem, cert: pair?.certPem, key: pair?.keyPem },
      { path: '/api/v1/nodes', headers: authorization ? { authorization } : {} },
    );
    return code === 200 ? '200' : `${code} ${json.message}`.replace(/ cannot.*/, '');
  };
  const nobody = '403 nodes is forbidden: User "system:anonymous"';
  const account = '403 nodes is forbidden: User "system:serviceaccount:default:default"';
  const refused = '401 Unauthorized';
  const rows: [what: string, pair: KeyPair | undefined, plain: string, withToken: string, withBadToken: string][] = [
    ['that holds', server.admin, '200', '200', '200'],
    ['none', undefined, nobody, account, refused],
    ['expired', await issueCertificate(authority, { ...client, now: new Date('2020-01-01') }), refused, account, refused],
    ['not valid yet', await issueCertificate(authority, { ...client, now: new Date(Date.now() + 86_400_000) }), refused, account, refused],
    ['of another authority', await issueCertificate(other, client), refused, account, refused],
    ['for servers', await issueCertificate(authority, { ...masters, usages: ['server'] }), refused, account, refused],
  ];
  for (const [what, pair, plain, withToken, withBadToken] of rows) {
    assert.equal(await ask(pair), plain, what);
    assert.equal(await ask(pair, `Bearer ${token}`), withToken, `${what}, and a token`);
    assert.equal(await ask(pair, 'Bearer nobody'), withBadToken, `${what}, and a bad token`);
    assert.equal(await ask(pair, 'Basic eDp5'), plain, `${what}, and a password`);
  }
});

/** Requests over one connection that is kept. */
const keptConnection = (to: TestApiServer, pair: KeyPair) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: to.caPem, cert: pair.certPem, key: pair.keyPem });
  const ask = () =>
    new Promise<{ code: number | undefined; reused: boolean }>((resolve, reject) => {
      const outgoing = request(`${to.url}/api/v1/nodes`, { agent }, (answer) => {
        answer.resume().on('end', () => resolve({ code: answer.statusCode, reused: outgoing.reusedSocket }));
      });
      outgoing.on('error', reject).end();
    });
  return { ask, close: () => agent.destroy() };
};

test('a connection whose authority is no longer trusted is refused from then on', async () => {
  const own = await startApiServer();
  const { ask, close } = keptConnection(own, own.admin);
  try {
    assert.deepEqual(await ask(), { code: 200, reused: false });
    const serving = await own.issueServing();
    const next = await createAuthority({ commonName: 'test-ca', years: 1 });
    const trust = (caPem: string): Promise<void> =>
      own.server.renew({ ...serving, caPem, agentClientCertPem: own.admin.certPem, agentClientKeyPem: own.admin.keyPem });
    await trust(own.caPem + next.certPem);
    assert.deepEqual(await ask(), { code: 200, reused: true });
    await trust(next.certPem);
    assert.deepEqual(await ask(), { code: 401, reused: true });
  } finally {
    close();
    await own.stop();
  }
});

test('a connection that outlives its certificate is refused from then on', async () => {
  const short = await issueCertificate(server.authority, {
    commonName: 'admin',
    organizations: ['system:masters'],
    usages: ['client'],
    days: 3 / 86_400,
  });
  const { ask, close } = keptConnection(server, short);
  try {
    assert.deepEqual(await ask(), { code: 200, reused: false });
    await until(async () => (await ask()).code !== 200, { withinMs: 10_000 });
    assert.deepEqual(await ask(), { code: 401, reused: true });
  } finally {
    close();
  }
});

test('a new binding counts for the very next request, and its removal too', async () => {
  const bob = user('bob');
  assert.equal((await failure(get('/api/v1/namespaces/default/pods', bob))).code, 403);
  await post('/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings', {
    kind: 'RoleBinding',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: { name: 'bob' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'bob' }],
  });
  await get('/api/v1/namespaces/default/pods', bob);
  assert.equal((await failure(get('/api/v1/namespaces/kube-system/pods', bob))).code, 403);
  assert.equal((await failure(get('/api/v1/namespaces/default/secrets', bob))).code, 403);
  await admin.send({ method: 'DELETE', path: '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings/bob' });
  assert.equal((await failure(get('/api/v1/namespaces/default/pods', bob))).code, 403);
});

test('nobody grants in a role what they do not hold', async () => {
  await post('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    kind: 'ClusterRoleBinding',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: { name: 'eve' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'eve' }],
  });
  const eve = user('eve');
  const role = (rules: object[], name: string): object => ({
    kind: 'Role',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: { name },
    rules,
  });
  const path = '/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles';
  await post(path, role([{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }], 'mine'), eve);
  const refused = await failure(post(path, role([{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }], 'all'), eve));
  assert.equal(refused.code, 403);
  assert.match(
    refused.message,
    /is attempting to grant RBAC permissions not currently held:\n\{APIGroups:\["\*"\], Resources:\["\*"\], Verbs:\["\*"\]\}/,
  );
});

test('a node reads the secrets of its own pods alone, and writes only its own objects', async () => {
  const node = user('system:node:n1', 'system:nodes');
  for (const name of ['used', 'unused'])
    await post('/api/v1/namespaces/default/secrets', { kind: 'Secret', apiVersion: 'v1', metadata: { name } });
  await post('/api/v1/namespaces/default/pods', podOn('reader', 'n1', { volumes: [{ name: 'v', secret: { secretName: 'used' } }] }));
  await post('/api/v1/namespaces/default/pods', podOn('stranger', 'n2'));
  await get('/api/v1/namespaces/default/secrets/used', node);
  const refused = await failure(get('/api/v1/namespaces/default/secrets/unused', node));
  assert.match(refused.message, /no relationship found between node 'n1' and this object/);
  assert.equal((await failure(get('/api/v1/namespaces/default/secrets', node))).code, 403);
  await post('/api/v1/nodes', { kind: 'Node', apiVersion: 'v1', metadata: { name: 'n1' } }, node);
  assert.equal((await failure(post('/api/v1/nodes', { kind: 'Node', apiVersion: 'v1', metadata: { name: 'n2' } }, node))).code, 403);
  const pods = (query: Record<string, string>) => node.send({ method: 'GET', path: '/api/v1/pods', query });
  await pods({ fieldSelector: 'spec.nodeName=n1' });
  assert.equal((await failure(pods({ fieldSelector: 'spec.nodeName=n2' }))).code, 403);
  assert.equal((await failure(pods({}))).code, 403);
  const status = { status: { phase: 'Running' } };
  const patchStatus = (name: string) =>
    node.send({
      method: 'PATCH',
      path: `/api/v1/namespaces/default/pods/${name}/status`,
      contentType: 'application/merge-patch+json',
      body: status,
    });
  await patchStatus('reader');
  assert.equal((await failure(patchStatus('stranger'))).code, 403);
  const token = { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', spec: {} };
  await post('/api/v1/namespaces/default/serviceaccounts/default/token', token, node);
  await post('/api/v1/namespaces/default/serviceaccounts', { kind: 'ServiceAccount', apiVersion: 'v1', metadata: { name: 'other' } });
  assert.equal((await failure(post('/api/v1/namespaces/default/serviceaccounts/other/token', token, node))).code, 403);
  for (const path of ['/api/v1/services', '/api/v1/namespaces', '/apis/discovery.k8s.io/v1/endpointslices']) await get(path, node);
});

test('a token dies with the pod that it is bound to', async () => {
  const pod = await post('/api/v1/namespaces/default/pods', podOn('bearer', 'n1'));
  const answer = await post('/api/v1/namespaces/default/serviceaccounts/default/token', {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    spec: { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'bearer', uid: pod.metadata.uid } },
  });
  const { token } = answer['status'] as { token: string };
  const ask = () => rawRequest(server, { path: '/api/v1/pods', headers: { authorization: `Bearer ${token}` } });
  const known = await ask();
  assert.equal(known.code, 403);
  assert.match(known.json.message, /User \\?"system:serviceaccount:default:default\\?"/);
  await admin.send({ method: 'DELETE', path: '/api/v1/namespaces/default/pods/bearer', body: { gracePeriodSeconds: 0 } });
  assert.equal((await ask()).code, 401);
});

test('strangers see health and version, and nothing else', async () => {
  for (const path of ['/healthz', '/livez', '/readyz', '/version']) assert.equal((await rawRequest(server, { path })).code, 200, path);
  for (const path of ['/api/v1/pods', '/metrics', '/', '/openapi/v3']) assert.equal((await rawRequest(server, { path })).code, 403, path);
  assert.equal((await rawRequest(server, { path: '/healthz', headers: { authorization: 'Bearer nonsense' } })).code, 401);
});

test('of many pods at once a quota lets in exactly as many as it says', async () => {
  await post('/api/v1/namespaces', { kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'small' } });
  await post('/api/v1/namespaces/small/serviceaccounts', { kind: 'ServiceAccount', apiVersion: 'v1', metadata: { name: 'default' } });
  await post('/api/v1/namespaces/small/resourcequotas', {
    kind: 'ResourceQuota',
    apiVersion: 'v1',
    metadata: { name: 'q' },
    spec: { hard: { pods: '3' } },
  });
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, at) => post('/api/v1/namespaces/small/pods', podOn(`p${at}`, 'n1'))),
  );
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 3);
  const refused = results.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
  assert.match(refused.reason.message, /exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3/);
});

test('Services made at once get different addresses and node ports, and give them back', async () => {
  const make = (at: number) =>
    post('/api/v1/namespaces/default/services', {
      kind: 'Service',
      apiVersion: 'v1',
      metadata: { name: `s${at}` },
      spec: { type: 'NodePort', ports: [{ port: 80 }] },
    });
  const made = await Promise.all(Array.from({ length: 50 }, (_, at) => make(at)));
  const specs = made.map((one) => one['spec'] as { clusterIP: string; ports: { nodePort: number }[] });
  assert.equal(new Set(specs.map((spec) => spec.clusterIP)).size, 50);
  assert.equal(new Set(specs.map((spec) => spec.ports[0]?.nodePort)).size, 50);
  const { clusterIP } = specs[0] as { clusterIP: string };
  const again = (name: string): Promise<KubeObject> =>
    post('/api/v1/namespaces/default/services', {
      kind: 'Service',
      apiVersion: 'v1',
      metadata: { name },
      spec: { clusterIP, ports: [{ port: 80 }] },
    });
  assert.match((await failure(again('taken'))).message, /provided IP is already allocated/);
  await admin.send({ method: 'DELETE', path: '/api/v1/namespaces/default/services/s0' });
  await again('free');
});

test('a namespace that is ending takes nothing new, and goes once it is finalized', async () => {
  await post('/api/v1/namespaces', { kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'going' } });
  await admin.send({ method: 'DELETE', path: '/api/v1/namespaces/going' });
  const refused = await failure(
    post('/api/v1/namespaces/going/configmaps', { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'late' } }),
  );
  assert.match(refused.message, /because it is being terminated/);
  const object = (await admin.send({ method: 'GET', path: '/api/v1/namespaces/going' })).body as KubeObject;
  await admin.send({ method: 'PUT', path: '/api/v1/namespaces/going/finalize', body: { ...object, spec: { finalizers: [] } } });
  assert.equal((await failure(get('/api/v1/namespaces/going', admin))).code, 404);
});

test('a pod waits for its grace period, and for its finalizers', async () => {
  await post('/api/v1/namespaces/default/pods', podOn('graceful', 'n1'));
  const marked = (await admin.send({ method: 'DELETE', path: '/api/v1/namespaces/default/pods/graceful' })).body as KubeObject;
  assert.equal(marked.metadata.deletionGracePeriodSeconds, 30);
  assert.ok(marked.metadata.deletionTimestamp);
  await admin.send({ method: 'DELETE', path: '/api/v1/namespaces/default/pods/graceful', body: { gracePeriodSeconds: 0 } });
  assert.equal((await failure(get('/api/v1/namespaces/default/pods/graceful', admin))).code, 404);
  await post('/api/v1/namespaces/default/configmaps', {
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { name: 'held', finalizers: ['example.com/held'] },
  });
  await admin.send({ method: 'DELETE', path: '/api/v1/namespaces/default/configmaps/held' });
  await admin.send({
    method: 'PATCH',
    path: '/api/v1/namespaces/default/configmaps/held',
    contentType: 'application/merge-patch+json',
    body: { metadata: { finalizers: null } },
  });
  assert.equal((await failure(get('/api/v1/namespaces/default/configmaps/held', admin))).code, 404);
});

test('a pod security label refuses what breaks out of its box', async () => {
  await post('/api/v1/namespaces', {
    kind: 'Namespace',
    apiVersion: 'v1',
    metadata: { name: 'safe', labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } },
  });
  await post('/api/v1/namespaces/safe/serviceaccounts', { kind: 'ServiceAccount', apiVersion: 'v1', metadata: { name: 'default' } });
  await post('/api/v1/namespaces/safe/pods', podOn('good', 'n1'));
  const refused = await failure(post('/api/v1/namespaces/safe/pods', podOn('bad', 'n1', { hostNetwork: true })));
  assert.match(refused.message, /violates PodSecurity "baseline:latest": host namespaces \(hostNetwork=true\)/);
});

test('of many objects with one generated name each gets its own', async () => {
  const made = await Promise.all(
    Array.from({ length: 30 }, () =>
      post('/api/v1/namespaces/default/configmaps', { kind: 'ConfigMap', apiVersion: 'v1', metadata: { generateName: 'made-' } }),
    ),
  );
  assert.equal(new Set(made.map(({ metadata }) => metadata.name)).size, 30);
});

test('a watch shows what is written, in order, and ends when the server does', async () => {
  const seen: string[] = [];
  const abort = new AbortController();
  const watching = (async () => {
    const events = admin.watch({
      method: 'GET',
      path: '/api/v1/namespaces/default/secrets',
      query: { fieldSelector: 'metadata.name=watched' },
      signal: abort.signal,
    });
    for await (const { type, object } of events) {
      seen.push(`${type} ${(object['data'] as { a?: string } | undefined)?.a ?? ''}`);
      if (type === 'DELETED') break;
    }
  })();
  const path = '/api/v1/namespaces/default/secrets';
  await post(path, { kind: 'Secret', apiVersion: 'v1', metadata: { name: 'watched' }, data: { a: 'MQ==' } });
  await admin.send({
    method: 'PATCH',
    path: `${path}/watched`,
    contentType: 'application/merge-patch+json',
    body: { data: { a: 'Mg==' } },
  });
  await admin.send({
    method: 'PATCH',
    path: `${path}/watched`,
    contentType: 'application/merge-patch+json',
    body: { data: { a: 'Mg==' } },
  });
  await admin.send({ method: 'DELETE', path: `${path}/watched` });
  await watching;
  assert.deepEqual(seen, ['ADDED MQ==', 'MODIFIED Mg==', 'DELETED Mg==']);
});

test('an eviction is refused while the budget has nothing to spare, and spends what it has', async () => {
  const labels = { budget: 'b' };
  for (const name of ['e1', 'e2']) {
    const pod = podOn(name, 'n1') as KubeObject;
    await post('/api/v1/namespaces/default/pods', { ...pod, metadata: { name, labels } });
    await admin.send({
      method: 'PATCH',
      path: `/api/v1/namespaces/default/pods/${name}/status`,
      contentType: 'application/merge-patch+json',
      body: { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } },
    });
  }
  const budget = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
  await post(budget, {
    kind: 'PodDisruptionBudget',
    apiVersion: 'policy/v1',
    metadata: { name: 'b' },
    spec: { minAvailable: 1, selector: { matchLabels: labels } },
  });
  const allow = (disruptionsAllowed: number) =>
    admin.send({
      method: 'PATCH',
      path: `${budget}/b/status`,
      contentType: 'application/merge-patch+json',
      body: { status: { observedGeneration: 1, disruptionsAllowed, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 } },
    });
  const evict = (name: string) =>
    post(`/api/v1/namespaces/default/pods/${name}/eviction`, { kind: 'Eviction', apiVersion: 'policy/v1', metadata: { name } });
  await allow(0);
  const refused = await failure(evict('e1'));
  assert.equal(refused.code, 429);
  assert.equal(refused.message, "Cannot evict pod as it would violate the pod's disruption budget.");
  await allow(1);
  await evict('e1');
  const evicted = (await admin.send({ method: 'GET', path: '/api/v1/namespaces/default/pods/e1' })).body as Stored<Pod>;
  const why = evicted.status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
  assert.deepEqual([why?.status, why?.reason], ['True', 'EvictionByEvictionAPI']);
  assert.equal((await failure(evict('e2'))).code, 429);
});

test('a pod takes over overhead and places of its RuntimeClass', async () => {
  const pods = '/api/v1/namespaces/default/pods';
  await post('/apis/node.k8s.io/v1/runtimeclasses', {
    kind: 'RuntimeClass',
    apiVersion: 'node.k8s.io/v1',
    metadata: { name: 'sandboxed' },
    handler: 'vm',
    overhead: { podFixed: { cpu: '10m', memory: '1Mi' } },
    scheduling: { nodeSelector: { vm: 'yes' }, tolerations: [{ key: 'vm', operator: 'Exists' }] },
  });
  const made = await post(pods, podOn('vm', '', { runtimeClassName: 'sandboxed', nodeSelector: { disk: 'fast' } }));
  const spec = made['spec'] as { overhead?: unknown; nodeSelector?: unknown; tolerations?: { key?: string }[] };
  assert.deepEqual(spec.overhead, { cpu: '10m', memory: '1Mi' });
  assert.deepEqual(spec.nodeSelector, { disk: 'fast', vm: 'yes' });
  assert.ok(spec.tolerations?.some(({ key }) => key === 'vm'));
  const refusals: [object, RegExp][] = [
    [{ runtimeClassName: 'gone' }, /pod rejected: RuntimeClass "gone" not found/],
    [{ runtimeClassName: 'sandboxed', overhead: { cpu: '1' } }, /Pod's Overhead doesn't match/],
    [{ overhead: { cpu: '1' } }, /Overhead set without corresponding RuntimeClass/],
    [{ runtimeClassName: 'sandboxed', nodeSelector: { vm: 'no' } }, /conflict: runtimeClass.scheduling.nodeSelector\[vm\] = yes/],
  ];
  for (const [refused, message] of refusals) {
    const status = await failure(post(pods, podOn('refused', '', refused)));
    assert.equal(status.code, 403);
    assert.match(status.message, message);
  }
});

test('events are found by their reporter in both groups', async () => {
  const event = {
    kind: 'Event',
    apiVersion: 'events.k8s.io/v1',
    metadata: { name: 'told' },
    regarding: { kind: 'Pod', namespace: 'default' },
  };
  const reported = { reportingController: 'tester', reportingInstance: 'i', action: 'Do', reason: 'Test', type: 'Normal' };
  const group = '/apis/events.k8s.io/v1/namespaces/default/events';
  await post(group, { ...event, ...reported, eventTime: '2026-01-01T00:00:00.000000Z' });
  for (const [path, fieldSelector] of [
    [group, 'reportingController=tester'],
    [group, 'regarding.kind=Pod,reportingController=tester'],
    ['/api/v1/namespaces/default/events', 'source=tester'],
  ] as const) {
    const { items } = (await admin.send({ method: 'GET', path, query: { fieldSelector } })).body as { items: KubeObject[] };
    assert.deepEqual(
      items.map(({ metadata }) => metadata.name),
      ['told'],
    );
  }
});

test('a request for a certificate says who asked, whatever it claims', async () => {
  const user = server.server.localTransport({ name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] });
  const made = await post(
    '/apis/certificates.k8s.io/v1/certificatesigningrequests',
    {
      kind: 'CertificateSigningRequest',
      apiVersion: 'certificates.k8s.io/v1',
      metadata: { name: 'forged' },
      spec: { request: CSR, signerName: 'example.com/x', usages: ['client auth'], username: 'system:node:n2', groups: ['system:masters'] },
      status: { certificate: 'bm9uZQ==' },
    },
    user,
  );
  const { spec, status } = made as KubeObject & { spec: { username: string; groups: string[] }; status?: object };
  assert.deepEqual([spec.username, spec.groups], ['system:node:n1', ['system:nodes', 'system:authenticated']]);
  assert.deepEqual(status ?? {}, {});
});
