import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import dnsPacket, { type DecodedPacket } from 'dns-packet';
import { ClusterZone } from '../../src/agent/network/dns/cluster-zone.ts';
import { createResponder } from '../../src/agent/network/dns/dns-responder.ts';
import { DnsServer } from '../../src/agent/network/dns/dns-server.ts';
import { Upstream } from '../../src/agent/network/dns/upstream.ts';
import { createLogger } from '../../src/base/log/logger.ts';
import { makeService, makeSlice } from './network-objects.ts';

const log = createLogger({ level: 'silent' });

describe('cluster DNS', () => {
  const zone = new ClusterZone('cluster.local');
  let server: DnsServer;
  let outside: DnsServer;
  let asked = 0;
  let ready = true;
  const resolver = new Resolver({ timeout: 5_000, tries: 1 });

  before(async () => {
    zone.setService('default/web', makeService('web', { clusterIP: '10.96.1.1', ports: [{ name: 'http', port: 80, targetPort: 8080 }] }));
    zone.setService('default/db', makeService('db', { clusterIP: 'None', ports: [{ name: 'sql', port: 5432 }] }));
    zone.setSlice(
      makeSlice(
        'db',
        [{ name: 'sql', port: 5432 }],
        [
          { address: '10.244.1.2', node: 'n1', hostname: 'db-0' },
          { address: '10.244.2.2', node: 'n2', hostname: 'db-1' },
          { address: '10.244.2.3', node: 'n2', ready: false },
        ],
      ),
      { deleted: false },
    );
    zone.setService('default/big', makeService('big', { clusterIP: 'None', ports: [{ port: 1 }] }));
    const many = Array.from({ length: 200 }, (_, index) => ({ address: `10.244.9.${index + 1}`, node: 'n1' }));
    zone.setSlice(makeSlice('big', [{ port: 1 }], many), { deleted: false });
    zone.setService('default/ext', makeService('ext', { type: 'ExternalName', externalName: 'www.example.com' }));
    zone.setService('default/alias', makeService('alias', { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' }));
    outside = new DnsServer({
      address: '127.0.0.1',
      port: 0,
      log,
      respond: async (message) => {
        asked += 1;
        const query = dnsPacket.decode(message);
        const question = query.questions?.[0];
        const known = question?.name === 'www.example.com' && question.type === 'A';
        return dnsPacket.encode({
          type: 'response',
          id: query.id ?? 0,
          flags: dnsPacket.RECURSION_DESIRED | dnsPacket.RECURSION_AVAILABLE | (question?.name === 'nowhere.example.com' ? 3 : 0),
          questions: query.questions ?? [],
          answers: known ? [{ type: 'A', name: 'www.example.com', ttl: 60, data: '192.0.2.80' }] : [],
        });
      },
    });
    await outside.start();
    const upstream = new Upstream({ servers: ['127.0.0.1:1', `127.0.0.1:${outside.port}`], now: () => performance.now() });
    server = new DnsServer({
      address: '127.0.0.1',
      port: 0,
      log,
      respond: createResponder({
        zone,
        resolveUpstream: (name, type) => upstream.resolve(name, type),
        isReady: () => ready,
        random: Math.random,
      }),
    });
    await server.start();
    resolver.setServers([`127.0.0.1:${server.port}`]);
  });
  after(async () => {
    resolver.cancel();
    await server.stop();
    await outside.stop();
  });

  const code = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'answered',
      (error: NodeJS.ErrnoException) => error.code ?? '',
    );
  const raw = (message: Buffer): Promise<Buffer> =>
    new Promise((resolve) => {
      const socket = dgram.createSocket('udp4');
      socket.on('message', (reply) => {
        socket.close();
        resolve(reply);
      });
      socket.send(message, server.port, '127.0.0.1');
    });
  const query = (name: string, type: 'A' | 'SOA' | 'AAAA', more: object = {}): Buffer =>
    dnsPacket.encode({ type: 'query', id: 7, flags: dnsPacket.RECURSION_DESIRED, questions: [{ type, name }], ...more });

  test('services have their cluster IP, their namespace and their reverse name', async () => {
    assert.deepEqual(await resolver.resolve4('web.default.svc.cluster.local'), ['10.96.1.1']);
    assert.deepEqual(await resolver.resolve4('WEB.default.SVC.cluster.local'), ['10.96.1.1']);
    assert.deepEqual(await resolver.reverse('10.96.1.1'), ['web.default.svc.cluster.local']);
    assert.equal(await code(resolver.resolve6('web.default.svc.cluster.local')), 'ENODATA');
    assert.equal(await code(resolver.resolve4('default.svc.cluster.local')), 'ENODATA');
    assert.equal(await code(resolver.resolve4('web.other.svc.cluster.local')), 'ENOTFOUND');
    assert.equal(await code(resolver.resolve4('nothing.default.svc.cluster.local')), 'ENOTFOUND');
  });

  test('headless services have the addresses of their ready endpoints, and each its name', async () => {
    assert.deepEqual((await resolver.resolve4('db.default.svc.cluster.local')).sort(), ['10.244.1.2', '10.244.2.2']);
    assert.deepEqual(await resolver.resolve4('db-1.db.default.svc.cluster.local'), ['10.244.2.2']);
    assert.deepEqual(await resolver.reverse('10.244.1.2'), ['db-0.db.default.svc.cluster.local']);
    assert.equal(await code(resolver.resolve4('db-9.db.default.svc.cluster.local')), 'ENOTFOUND');
  });

  test('named ports have SRV records', async () => {
    const [record] = await resolver.resolveSrv('_http._tcp.web.default.svc.cluster.local');
    assert.deepEqual([record?.name, record?.port], ['web.default.svc.cluster.local', 80]);
    const found = await resolver.resolveSrv('_sql._tcp.db.default.svc.cluster.local');
    assert.deepEqual(found.map((item) => item.name).sort(), ['db-0.db.default.svc.cluster.local', 'db-1.db.default.svc.cluster.local']);
    assert.equal(await code(resolver.resolveSrv('_no._tcp.web.default.svc.cluster.local')), 'ENOTFOUND');
  });

  test('external names are aliases, resolved inside or outside', async () => {
    assert.deepEqual(await resolver.resolveCname('ext.default.svc.cluster.local'), ['www.example.com']);
    assert.deepEqual(await resolver.resolve4('ext.default.svc.cluster.local'), ['192.0.2.80']);
    assert.deepEqual(await resolver.resolve4('alias.default.svc.cluster.local'), ['10.96.1.1']);
  });

  test('pods have names made of their address, and the zone tells its version', async () => {
    assert.deepEqual(await resolver.resolve4('10-244-1-2.default.pod.cluster.local'), ['10.244.1.2']);
    assert.equal(await code(resolver.resolve4('10-244-1.default.pod.cluster.local')), 'ENOTFOUND');
    assert.deepEqual(await resolver.resolveTxt('dns-version.cluster.local'), [['1.1.0']]);
  });

  test('other names are asked upstream once, the next server when the first is dead, and "no" is passed on', async () => {
    assert.deepEqual(await resolver.resolve4('www.example.com'), ['192.0.2.80']);
    const before = asked;
    await Promise.all(Array.from({ length: 20 }, () => resolver.resolve4('www.example.com')));
    assert.equal(asked, before);
    assert.equal(await code(resolver.resolve4('nowhere.example.com')), 'ENOTFOUND');
  });

  test('"no" comes with the SOA record, so that clients know how long to remember it', async () => {
    const reply = dnsPacket.decode(await raw(query('nothing.default.svc.cluster.local', 'A')));
    assert.equal((reply as DecodedPacket & { rcode: string }).rcode, 'NXDOMAIN');
    assert.equal(reply.authorities?.[0]?.type, 'SOA');
    assert.equal(reply.flag_aa, true);
    const none = dnsPacket.decode(await raw(query('web.default.svc.cluster.local', 'AAAA')));
    assert.equal((none as DecodedPacket & { rcode: string }).rcode, 'NOERROR');
    assert.equal(none.authorities?.[0]?.type, 'SOA');
  });

  test('what does not fit is cut with the TC bit and comes whole over TCP', async () => {
    const reply = dnsPacket.decode(await raw(query('big.default.svc.cluster.local', 'A')));
    assert.equal(reply.flag_tc, true);
    assert.equal((await resolver.resolve4('big.default.svc.cluster.local')).length, 200);
  });

  test('EDNS is answered with EDNS', async () => {
    const opt = { type: 'OPT', name: '.', udpPayloadSize: 4096, flags: 0, options: [] };
    const reply = dnsPacket.decode(await raw(query('web.default.svc.cluster.local', 'A', { additionals: [opt] })));
    assert.equal(reply.additionals?.[0]?.type, 'OPT');
  });

  test('garbage is answered with FORMERR or not at all, and hurts nobody', async () => {
    const reply = await raw(Buffer.concat([Buffer.from([0, 9, 1, 0, 0, 5, 0, 0, 0, 0, 0, 0]), Buffer.from([200, 1, 2])]));
    assert.equal(reply.readUInt16BE(0), 9);
    assert.equal(reply.readUInt16BE(2) & 0xf, 1);
    const socket = net.connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.end(Buffer.from([0, 3, 1, 2, 3]));
    await new Promise((resolve) => socket.on('close', resolve));
    assert.deepEqual(await resolver.resolve4('web.default.svc.cluster.local'), ['10.96.1.1']);
  });

  test('says "later" rather than "no" until it knows everything', async () => {
    ready = false;
    assert.equal(await code(resolver.resolve4('web.default.svc.cluster.local')), 'ESERVFAIL');
    ready = true;
  });

  test('deleted services are gone', async () => {
    zone.setService('default/web', undefined);
    assert.equal(await code(resolver.resolve4('web.default.svc.cluster.local')), 'ENOTFOUND');
    assert.equal(await code(resolver.reverse('10.96.1.1')), 'ENOTFOUND');
  });
});
