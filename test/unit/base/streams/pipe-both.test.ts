import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { pipeBoth } from '../../../../src/base/streams/pipe-both.ts';

const server = createServer({ allowHalfOpen: true });
before(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
after(() => server.close());

/** Both ends of a connection. */
const pair = async (): Promise<[near: Socket, far: Socket]> => {
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const near = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  const [far] = await accepted;
  return [near, far];
};
const readAll = async (socket: Socket): Promise<string> => {
  let text = '';
  for await (const part of socket) text += String(part);
  return text;
};

test('bytes pass both ways, also after one side has ended its half', async () => {
  const [client, front] = await pair();
  const [back, target] = await pair();
  const over = pipeBoth(front, back);
  client.end('question');
  assert.equal(await readAll(target), 'question');
  target.end('answer');
  assert.equal(await readAll(client), 'answer');
  await over;
});

test('what was sent before a side closed arrives, and the other side is closed', async () => {
  const [client, front] = await pair();
  const [back, target] = await pair();
  const over = pipeBoth(front, back);
  const sent = 'x'.repeat(1_000_000);
  target.end(sent, () => target.destroySoon());
  assert.equal(await readAll(client), sent);
  client.destroy();
  await over;
  assert.ok(front.destroyed && back.destroyed);
});

test('few listeners are added, so that node does not warn of a leak', async () => {
  const [client, front] = await pair();
  const [back, target] = await pair();
  const before = front.listenerCount('close');
  const over = pipeBoth(front, back);
  assert.ok(front.listenerCount('close') - before <= 3, String(front.listenerCount('close')));
  client.destroy();
  target.destroy();
  await over;
});
