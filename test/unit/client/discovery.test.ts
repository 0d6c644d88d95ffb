import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createServer } from 'node:tls';
import {
  clusterIds,
  decodeAnswer,
  decodeQuery,
  encodeAnswer,
  encodeQuery,
  MESSAGE_BYTES,
} from '../../../src/client/discovery/discovery-messages.ts';
import { broadcastOf, isApiServer } from '../../../src/client/discovery/find-api-servers.ts';
import { createAuthority, issueCertificate, type KeyPair } from '../../../src/pki/certificates.ts';

const authority = await createAuthority({ commonName: 'ours', years: 1 });
const other = await createAuthority({ commonName: 'ours', years: 1 });

test('questions and answers come back as they went, and an answer is never longer than a question', () => {
  const query = { clusters: clusterIds(authority.certPem + other.certPem), nonce: 'ab' };
  const bytes = encodeQuery(query);
  assert.equal(bytes.length, MESSAGE_BYTES);
  assert.deepEqual(decodeQuery(bytes), query);
  const answer = { cluster: query.clusters[0] as string, nonce: 'ab', servers: ['https://10.0.0.5:6443', 'https://[fd00::1]:6443'] };
  assert.deepEqual(decodeAnswer(encodeAnswer(answer) as Buffer), answer);
  assert.equal(encodeAnswer({ ...answer, servers: Array.from({ length: 40 }, () => 'https://10.0.0.5:6443') }), undefined);
});

test('what is no question, or no address, is passed over', () => {
  for (const text of ['', 'null', '{}', '[1]', '{"slipway":1}', '{"slipway":2,"clusters":["a"],"nonce":"b"}', '\u0000\u0001'])
    assert.equal(decodeQuery(Buffer.from(text.padEnd(MESSAGE_BYTES, ' '))), undefined, text);
  assert.equal(
    decodeQuery(Buffer.from('{"slipway":1,"clusters":["a"],"nonce":"b"}')),
    undefined,
    'a short one would be answered at length',
  );
  const answer = (server: string): Buffer => Buffer.from(JSON.stringify({ slipway: 1, cluster: 'a', nonce: 'b', servers: [server] }));
  for (const server of ['http://10.0.0.5:6443', 'https://evil.example/', 'https://10.0.0.5:6443/path', 'file:///etc/passwd'])
    assert.equal(decodeAnswer(answer(server)), undefined, server);
});

test('the broadcast address of a network', () => {
  assert.equal(broadcastOf('10.89.4.11', '255.255.255.0'), '10.89.4.255');
  assert.equal(broadcastOf('172.16.5.4', '255.240.0.0'), '172.31.255.255');
});

const serveWith = async (pair: KeyPair): Promise<{ url: string; close: () => void }> => {
  const server = createServer({ cert: pair.certPem, key: pair.keyPem }, (socket) => socket.end());
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
};

test('only an API server of the cluster is believed, whatever was answered', async () => {
  const issue = (signer: KeyPair, dnsNames: string[]): Promise<KeyPair> =>
    issueCertificate(signer, { commonName: 'x', dnsNames, ipAddresses: ['127.0.0.1'], usages: ['server'], days: 1 });
  const verdict = async (pair: KeyPair): Promise<boolean> => {
    const { url, close } = await serveWith(pair);
    const answer = await isApiServer(url, { trustPem: authority.certPem });
    close();
    return answer;
  };
  assert.equal(await verdict(await issue(authority, ['kubernetes', 'localhost'])), true);
  assert.equal(await verdict(await issue(authority, ['demo-2'])), false, 'a node, with a certificate of the cluster for its address');
  assert.equal(await verdict(await issue(other, ['kubernetes'])), false, 'another authority of the same name');
  assert.equal(await isApiServer('https://127.0.0.1:1', { trustPem: authority.certPem }), false, 'nobody');
});
