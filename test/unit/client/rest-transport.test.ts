import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { hasReason } from '../../../src/api/meta/status.ts';
import { createRestTransport } from '../../../src/client/rest/rest-transport.ts';
import { createAuthority, issueCertificate } from '../../../src/pki/certificates.ts';

type Handler = (stream: ServerHttp2Stream, path: string, headers: Record<string, unknown>) => void;

describe('requests over HTTP/2', () => {
  let handle: Handler = () => undefined;
  let server: Http2SecureServer;
  let ca = '';
  let url = '';
  const sessions = new Set<ServerHttp2Session>();

  before(async () => {
    const authority = await createAuthority({ commonName: 'test', years: 1 });
    const { certPem, keyPem } = await issueCertificate(authority, {
      commonName: 'server',
      ipAddresses: ['127.0.0.1'],
      usages: ['server'],
      days: 1,
    });
    ca = authority.certPem;
    server = createSecureServer({ cert: certPem, key: keyPem });
    server.on('session', (session) => {
      sessions.add(session);
      session.on('error', () => undefined);
      session.on('close', () => sessions.delete(session));
    });
    server.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      handle(stream as ServerHttp2Stream, String(headers[':path']), headers);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });

  const json = (stream: ServerHttp2Stream, body: unknown, headers: Record<string, string | number> = {}): void => {
    stream.respond({ ':status': 200, 'content-type': 'application/json', ...headers });
    stream.end(JSON.stringify(body));
  };
  const get = (path: string, query?: Record<string, string | undefined>) => ({ method: 'GET', path, ...(query ? { query } : {}) }) as const;

  test('a server that is down costs nothing but a try; the one that answers is remembered', async () => {
    handle = (stream, path) => json(stream, { path });
    const transport = createRestTransport({ servers: ['https://127.0.0.1:1', url], ca });
    assert.deepEqual((await transport.send(get('/api', { limit: '5', none: undefined }))).body, { path: '/api?limit=5' });
    await transport.close();
  });

  test('warnings and text come as they are', async () => {
    handle = (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'text/plain', warning: ['299 - "old \\"thing\\""', '299 - "second"'].join(', ') });
      stream.end('hello');
    };
    const transport = createRestTransport({ servers: [url], ca });
    assert.deepEqual(await transport.send(get('/log')), { status: 200, body: 'hello', warnings: ['old "thing"', 'second'] });
    await transport.close();
  });

  test('a token file that changes is read again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-token-'));
    const tokenFile = join(folder, 'token');
    const seen: unknown[] = [];
    handle = (stream, _path, headers) => {
      seen.push(headers['authorization']);
      json(stream, {});
    };
    let now = 0;
    writeFileSync(tokenFile, 'one\n');
    const transport = createRestTransport({ servers: [url], ca, tokenFile, now: () => now });
    await transport.send(get('/api'));
    writeFileSync(tokenFile, 'two\n');
    utimesSync(tokenFile, 1, 1);
    now = 5000;
    await transport.send(get('/api'));
    assert.deepEqual(seen, ['Bearer one', 'Bearer two']);
    await transport.close();
    rmSync(folder, { recursive: true });
  });

  test('a server that says when to come back is asked again', async () => {
    let asked = 0;
    handle = (stream) => {
      asked += 1;
      if (asked < 3) json(stream, { kind: 'Status', reason: 'TooManyRequests', code: 429 }, { ':status': 429, 'retry-after': '0' });
      else json(stream, { asked });
    };
    const transport = createRestTransport({ servers: [url], ca });
    assert.deepEqual((await transport.send({ method: 'POST', path: '/api', body: {} })).body, { asked: 3 });
    await transport.close();
  });

  test('after a broken connection reads go on, and a write whose fate is unknown is reported', async () => {
    let broken = true;
    handle = (stream) => {
      if (!broken) return json(stream, { ok: true });
      broken = false;
      stream.session?.destroy();
    };
    const transport = createRestTransport({ servers: [url], ca });
    assert.deepEqual((await transport.send(get('/api'))).body, { ok: true });
    broken = true;
    await assert.rejects(transport.send({ method: 'POST', path: '/api', body: {} }), { code: 'CONNECTION_REFUSED' });
    assert.deepEqual((await transport.send({ method: 'POST', path: '/api', body: {} })).body, { ok: true });
    await transport.close();
  });

  test('a watch gives events as they come, throws what the server says, and ends when it is told to', async () => {
    const stop = new AbortController();
    handle = (stream, path) => {
      stream.respond({ ':status': 200, 'content-type': 'application/json' });
      stream.write('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n');
      if (path.includes('expired')) stream.end('{"type":"ERROR","object":{"kind":"Status","reason":"Expired","code":410}}\n');
    };
    const transport = createRestTransport({ servers: [url], ca });
    const names: unknown[] = [];
    for await (const event of transport.watch({ ...get('/pods'), signal: stop.signal })) {
      names.push(event.object.metadata.name);
      stop.abort();
    }
    assert.deepEqual(names, ['a']);
    await assert.rejects(
      async () => {
        for await (const event of transport.watch(get('/expired'))) assert.equal(event.object.metadata.name, 'a');
      },
      (error) => hasReason(error, 'Expired'),
    );
    await transport.close();
  });
});
