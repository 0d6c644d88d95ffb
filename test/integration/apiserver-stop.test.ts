/** A server that stops ends what is open: watches come to their end, idle connections are closed, nobody is waited for. */
import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import { Agent, get, type RequestOptions } from 'node:https';
import { test } from 'node:test';
import { startApiServer } from '../support/api-server.ts';
import { until } from '../support/until.ts';

test('it stops at once while clients watch and others keep idle connections', async () => {
  const api = await startApiServer({ store: 'memory', log: 'silent' });
  const identity = { ca: api.caPem, cert: api.admin.certPem, key: api.admin.keyPem };
  const agent = new Agent({ keepAlive: true });
  const watchPath = '/api/v1/configmaps?watch=true&resourceVersion=1';
  let begun = 0;
  const ends: string[] = [];

  const session = connect(api.url, identity);
  session.on('error', () => {});
  for (let count = 0; count < 20; count += 1) {
    const stream = session.request({ ':path': watchPath });
    stream.once('response', () => {
      begun += 1;
    });
    stream.resume();
    stream.once('close', () => ends.push(`h2 ${stream.rstCode}`));
  }
  const { hostname, port } = new URL(api.url);
  const options: RequestOptions = { hostname, port, ...identity, agent };
  const watching = get({ ...options, path: watchPath }, (answer) => {
    begun += 1;
    answer.resume();
    answer.once('close', () => ends.push(`h1 ${answer.complete ? 'whole' : 'cut'}`));
  });
  watching.on('error', () => {});
  // A connection that has had its answer and waits for the next request.
  await new Promise<void>((resolve, reject) =>
    get({ ...options, path: '/livez' }, (answer) => answer.resume().once('end', resolve)).once('error', reject),
  );
  await until(() => begun === 21);

  const started = performance.now();
  await api.stop();
  const took = performance.now() - started;
  await until(() => ends.length === 21);
  session.destroy();
  agent.destroy();
  assert.ok(took < 1000, `${Math.round(took)} ms`);
  assert.deepEqual([...new Set(ends)].sort(), ['h1 whole', 'h2 0']);
});
