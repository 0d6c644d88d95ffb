/** What hostile clients send: the server answers with a Status, stays up, and nothing leaks into other objects. */
import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import { after, before, test } from 'node:test';
import { startApiServer, type TestApiServer } from '../support/api-server.ts';
import { type RawAnswer, type RawRequest, rawRequest } from '../support/raw-request.ts';

let server: TestApiServer;
before(async () => {
  server = await startApiServer({ store: 'memory' });
});
after(() => server.stop());

const JSON_TYPE = { 'content-type': 'application/json' };
const PATH = '/api/v1/namespaces/default/configmaps';

const ask = (request: RawRequest): Promise<RawAnswer> =>
  rawRequest({ url: server.url, caPem: server.caPem, cert: server.admin.certPem, key: server.admin.keyPem }, request);
const create = (body: string, path = PATH): Promise<RawAnswer> => ask({ method: 'POST', path, headers: JSON_TYPE, body });
const named = (name: string, rest = ''): string => `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"${name}"}${rest}}`;

test('keys named __proto__, constructor and prototype pollute nothing', async () => {
  await create(
    '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"proto"},"__proto__":{"polluted":1},"data":{"__proto__":"x","constructor":"y"}}',
  );
  await ask({
    method: 'PATCH',
    path: `${PATH}/proto`,
    headers: { 'content-type': 'application/merge-patch+json' },
    body: '{"__proto__":{"polluted":1},"metadata":{"labels":{"constructor":"a"}},"data":{"__proto__":{"polluted":1}}}',
  });
  await ask({
    method: 'PATCH',
    path: `${PATH}/proto`,
    headers: { 'content-type': 'application/json-patch+json' },
    body: '[{"op":"add","path":"/__proto__/polluted","value":1},{"op":"add","path":"/constructor/prototype/polluted","value":1}]',
  });
  await ask({
    method: 'PATCH',
    path: `${PATH}/proto`,
    headers: { 'content-type': 'application/strategic-merge-patch+json' },
    body: '{"__proto__":{"polluted":1},"metadata":{"__proto__":{"polluted":1}}}',
  });
  assert.equal(({} as any).polluted, undefined);
  assert.equal((Object.prototype as any).polluted, undefined);
  const read = await ask({ path: `${PATH}/proto` });
  assert.equal(read.code, 200);
});

test('deeply nested bodies are refused before they are parsed', async () => {
  for (const body of [
    '['.repeat(100_000),
    `{"a":`.repeat(100_000),
    named('deep', `,"data":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`),
  ]) {
    const answer = await create(body);
    assert.equal(answer.code, 400);
    assert.equal(answer.json.kind, 'Status');
  }
});

test('YAML that expands itself is refused (CVE-2019-11253)', async () => {
  const lines = ['apiVersion: v1', 'kind: ConfigMap', 'metadata: {name: laughs}', 'data:', '  a: &a ["l","l","l","l","l","l","l","l","l"]'];
  for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh', 'hi'] as unknown as string[])
    lines.push(`  ${to}: &${to} [${Array(9).fill(`*${from}`).join(',')}]`);
  const started = performance.now();
  const answer = await ask({ method: 'POST', path: PATH, headers: { 'content-type': 'application/yaml' }, body: lines.join('\n') });
  assert.equal(answer.code, 400);
  assert.ok(performance.now() - started < 5000);
});

test('a flood of json patch operations is refused (CVE-2019-1002100)', async () => {
  await create(named('flood', ',"data":{"a":"b"}'));
  const operations = Array.from({ length: 20_000 }, () => ({ op: 'copy', from: '/data', path: '/data/x' }));
  const answer = await ask({
    method: 'PATCH',
    path: `${PATH}/flood`,
    headers: { 'content-type': 'application/json-patch+json' },
    body: JSON.stringify(operations),
  });
  assert.equal(answer.code, 413);
});

test('a refused upgrade leaves no pipe behind (CVE-2018-1002105)', async () => {
  const answer = await ask({
    path: '/api/v1/namespaces/default/pods/none/exec?command=x',
    headers: { connection: 'Upgrade', upgrade: 'websocket' },
  });
  assert.equal(answer.code, 404);
  assert.equal(answer.headers['connection'], 'close');
});

test('a flood of streams that are reset at once (CVE-2023-44487) does not keep others from being served', {
  timeout: 60_000,
}, async () => {
  const session = connect(server.url, { ca: server.caPem, cert: server.admin.certPem, key: server.admin.keyPem });
  session.on('error', () => {});
  await new Promise((resolve) => session.once('connect', resolve));
  for (let count = 0; count < 5000 && !session.destroyed && !session.closed; count++) {
    const stream = session.request({ ':path': '/api/v1/pods' });
    stream.on('error', () => {});
    stream.close(8);
    if (count % 10 === 0) await new Promise(setImmediate);
  }
  const answer = await ask({ path: '/livez' });
  assert.equal(answer.code, 200);
  session.destroy();
});

test('large integers, lone surrogates and repeated keys do not break an object', async () => {
  const body =
    '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"odd","generation":9007199254740993},"data":{"a":"\\ud800","b":"1","b":"2"}}';
  const answer = await create(body);
  assert.ok(answer.code === 201 || answer.code === 400);
  assert.equal((await ask({ path: PATH })).code, 200);
});

test('a timeout that is no duration is refused, whatever is asked', async () => {
  for (const path of ['/version', '/api/v1/namespaces']) {
    const answer = await ask({ path: `${path}?timeout=invalid` });
    assert.equal(answer.code, 400, path);
    assert.match(answer.text, /invalid timeout specified in the request URL/);
  }
});

test('bodies above 3 MiB are refused with the limit in the message', async () => {
  const answer = await create(named('big', `,"data":{"a":"${'x'.repeat(3 * 1024 * 1024)}"}`));
  assert.equal(answer.code, 413);
  assert.equal(answer.json.message, 'Request entity too large: limit is 3145728');
});

test('protobuf that is cut short, nested or foreign is refused', async () => {
  const headers = { 'content-type': 'application/vnd.kubernetes.protobuf' };
  for (const body of [
    Buffer.from('hello'),
    Buffer.from([0x6b, 0x38, 0x73, 0, 0x0a, 0xff]),
    Buffer.from([0x6b, 0x38, 0x73, 0, 0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]),
  ]) {
    const answer = await ask({ method: 'POST', path: PATH, headers, body });
    assert.equal(answer.code, 400);
  }
});

test('paths with encoded slashes and dots name no other object', async () => {
  for (const path of [`${PATH}/..%2f..%2fsecrets`, `${PATH}/%2e%2e`, '/api/v1/namespaces/%2e%2e/configmaps/x', `${PATH}/%00`]) {
    const answer = await ask({ path });
    assert.equal(answer.code, 404, path);
  }
});
