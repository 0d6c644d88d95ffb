import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Stored } from '../../../src/api/meta/object.ts';
import { hasReason, isAlreadyExists, isNotFound } from '../../../src/api/meta/status.ts';
import type { ConfigMap } from '../../../src/api/types/core-v1.ts';
import { SlipwayError } from '../../../src/base/errors/slipway-error.ts';
import { createLogger } from '../../../src/base/log/logger.ts';
import { createClient } from '../../../src/client/create-client.ts';
import { createInformer } from '../../../src/client/informer/informer.ts';
import { electLeader } from '../../../src/client/lease/leader-election.ts';
import { createRestTransport } from '../../../src/client/rest/rest-transport.ts';
import { oracleOptions } from '../../support/oracle.ts';
import { until } from '../../support/until.ts';

const configMaps = { group: '', version: 'v1', plural: 'configmaps' };
const namespaces = { group: '', version: 'v1', plural: 'namespaces' };
const log = createLogger({ level: 'silent' });
const oracle = await oracleOptions();

describe('the client against kube-apiserver', { skip: oracle ? false : 'no kube-apiserver: set SLIPWAY_ORACLE' }, () => {
  const transport = createRestTransport(oracle ?? { servers: ['https://127.0.0.1:1'] });
  const client = createClient(transport);
  const namespace = `client-test-${process.pid}`;
  const made = (name: string, data: Record<string, string> = {}): Stored<ConfigMap> => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace, name },
    data,
  });

  before(async () => {
    await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  });
  after(async () => {
    await client.delete(namespaces, { name: namespace });
    await transport.close();
  });

  test('every verb, with the errors of the server as StatusError', async () => {
    const created = await client.create(configMaps, made('a', { x: '1' }));
    assert.ok(created.metadata.uid);
    await assert.rejects(client.create(configMaps, made('a')), isAlreadyExists);
    const changed = await client.update(configMaps, { ...created, data: { x: '2' } });
    await assert.rejects(client.update(configMaps, { ...created, data: { x: '3' } }), (error) => hasReason(error, 'Conflict'));
    const patched = await client.patch<Stored<ConfigMap>>(
      configMaps,
      { namespace, name: 'a' },
      { data: { y: '3' } },
      { type: 'application/merge-patch+json' },
    );
    assert.deepEqual(patched.data, { x: '2', y: '3' });
    assert.notEqual(patched.metadata.resourceVersion, changed.metadata.resourceVersion);
    const list = await client.list<Stored<ConfigMap>>(configMaps, { namespace, fieldSelector: 'metadata.name=a' });
    assert.equal(list.items.length, 1);
    await assert.rejects(client.delete(configMaps, { namespace, name: 'a' }, { preconditions: { uid: 'other' } }), (error) =>
      hasReason(error, 'Conflict'),
    );
    await client.delete(configMaps, { namespace, name: 'a' }, { preconditions: { uid: created.metadata.uid } });
    await assert.rejects(client.get(configMaps, { namespace, name: 'a' }), isNotFound);
  });

  test('an informer sees what is there, what comes, changes and goes, in frozen objects and by index', async () => {
    await client.create(configMaps, made('before', { team: 'red' }));
    const informer = createInformer<ConfigMap>({ client, resource: configMaps, namespace, log });
    informer.addIndex('team', (object) => (object.data?.['team'] ? [object.data['team']] : []));
    const seen: string[] = [];
    informer.addHandler({
      add: (object) => seen.push(`add ${object.metadata.name}`),
      update: (object, old) => seen.push(`update ${object.metadata.name} ${old.data?.['team']}->${object.data?.['team']}`),
      delete: (object) => seen.push(`delete ${object.metadata.name}`),
    });
    informer.start();
    await informer.synced;
    assert.deepEqual(
      informer.byIndex('team', 'red').map((object) => object.metadata.name),
      ['before'],
    );
    const created = await client.create(configMaps, made('later', { team: 'red' }));
    await client.update(configMaps, { ...created, data: { team: 'blue' } });
    await client.delete(configMaps, { namespace, name: 'before' });
    await until(() => informer.byIndex('team', 'red').length === 0);
    assert.deepEqual(seen, ['add before', 'add later', 'update later red->blue', 'delete before']);
    assert.ok(Object.isFrozen(informer.get(`${namespace}/later`)?.data));
    await informer.stop();
  });

  test('one of two candidates leads, and the other follows at once when the first stops', async () => {
    const first = new AbortController();
    const second = new AbortController();
    const leaders: string[] = [];
    const run = (identity: string, controller: AbortController): Promise<void> =>
      electLeader({
        client,
        namespace,
        name: 'leader',
        identity,
        log,
        retrySeconds: 0.05,
        signal: controller.signal,
        lead: async (signal) => {
          leaders.push(identity);
          await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        },
      });
    const a = run('a', first);
    await until(() => leaders.length === 1);
    const b = run('b', second);
    first.abort();
    await a;
    await until(() => leaders.length === 2);
    second.abort();
    await b;
    assert.deepEqual(leaders, ['a', 'b']);
  });
});

test('a server that is not there is named in the error', async () => {
  const transport = createRestTransport({ servers: ['https://127.0.0.1:1', 'https://127.0.0.1:2'] });
  await assert.rejects(createClient(transport).get(configMaps, { namespace: 'x', name: 'y' }), (error) => {
    assert.ok(error instanceof SlipwayError);
    assert.equal(error.code, 'CONNECTION_REFUSED');
    assert.match(error.message, /127\.0\.0\.1:/);
    return true;
  });
  await transport.close();
});
