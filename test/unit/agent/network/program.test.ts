import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { argumentsFor } from '../../../../src/agent/network/proxy/conntrack.ts';
import { ElementTable } from '../../../../src/agent/network/proxy/element-table.ts';
import { choose, type Target, targetsOf } from '../../../../src/agent/network/proxy/endpoints.ts';
import { compileServicePort, type Element, EMPTY_PROGRAM } from '../../../../src/agent/network/proxy/program.ts';
import { type ServicePortInfo, servicePortsOf } from '../../../../src/agent/network/proxy/service-ports.ts';
import { changeCommands } from '../../../../src/agent/network/proxy/transaction.ts';
import { makeService, makeSlice } from '../../../integration/network-objects.ts';

const target = (address: string, state: Partial<Target> = {}): Target => ({
  address,
  port: 8080,
  ready: true,
  serving: true,
  terminating: false,
  local: false,
  ...state,
});
const leaving = { ready: false, terminating: true };

describe('the choice of endpoints', () => {
  const names = (targets: readonly Target[]): string => targets.map(({ address }) => address).join(' ');
  const table: { name: string; targets: Target[]; cluster: string; local: string; any: boolean }[] = [
    {
      name: 'ready ones',
      targets: [target('a'), target('b', { local: true }), target('c', { ready: false, serving: false })],
      cluster: 'a b',
      local: 'b',
      any: true,
    },
    {
      name: 'terminating ones only when none is ready',
      targets: [target('a', leaving), target('b', { ...leaving, local: true })],
      cluster: 'a b',
      local: 'b',
      any: true,
    },
    {
      name: 'the last one of a node, though others are ready elsewhere',
      targets: [target('a'), target('b', { ...leaving, local: true })],
      cluster: 'a',
      local: 'b',
      any: true,
    },
    { name: 'none that does not serve', targets: [target('a', { ...leaving, serving: false })], cluster: '', local: '', any: false },
  ];
  for (const { name, targets, cluster, local, any } of table)
    test(name, () => {
      const choice = choose(targets);
      assert.deepEqual([names(choice.cluster), names(choice.local), choice.any], [cluster, local, any]);
    });

  test('slices are joined by the name of the port, and an address in two slices counts once', () => {
    const slices = [
      makeSlice(
        'web',
        [
          { name: 'http', port: 8080 },
          { name: 'admin', port: 9090 },
        ],
        [{ address: '10.0.0.1', node: 'n1' }],
      ),
      makeSlice(
        'web',
        [{ name: 'http', port: 8080 }],
        [
          { address: '10.0.0.1', node: 'n1', ready: false },
          { address: '10.0.0.2', node: 'n2' },
        ],
      ),
    ];
    const found = targetsOf(slices, { name: 'http', protocol: 'TCP' }, 'n1');
    assert.deepEqual(
      found.map(({ address, port, ready, local }) => [address, port, ready, local]),
      [
        ['10.0.0.1', 8080, true, true],
        ['10.0.0.2', 8080, true, false],
      ],
    );
    assert.deepEqual(targetsOf(slices, { name: 'http', protocol: 'UDP' }, 'n1'), []);
  });
});

test('headless, external-name and foreign services need no rules', () => {
  const ports = [{ port: 80 }];
  assert.deepEqual(servicePortsOf(makeService('a', { clusterIP: 'None', ports })), []);
  assert.deepEqual(servicePortsOf(makeService('a', { type: 'ExternalName', externalName: 'x' })), []);
  const foreign = makeService('a', { clusterIP: '10.96.0.5', ports });
  foreign.metadata.labels = { 'service.kubernetes.io/service-proxy-name': 'other' };
  assert.deepEqual(servicePortsOf(foreign), []);
});

describe('what a service puts into the table', () => {
  const info = (change: Partial<ServicePortInfo> = {}): ServicePortInfo => ({
    key: 'default/web/tcp/80',
    name: '',
    protocol: 'TCP',
    port: 80,
    clusterIp: '10.96.1.1',
    externalIps: [],
    loadBalancerIps: [],
    nodePort: undefined,
    affinitySeconds: undefined,
    externalLocal: false,
    internalLocal: false,
    sourceRanges: [],
    ...change,
  });
  const compile = (change: Partial<ServicePortInfo>, targets: Target[]) =>
    compileServicePort(info(change), choose(targets), '10.244.0.0/16');
  const elements = (list: readonly Element[]): string[] => list.map(({ map, key, value }) => `${map} ${key} ${value}`.trim());

  test('a cluster IP is one element and one rule, however many endpoints there are', () => {
    const program = compile({}, [target('10.244.1.2'), target('10.244.2.2')]);
    assert.deepEqual(elements(program.elements), ['services 10.96.1.1 . tcp . 80 goto cl/default/web/tcp/80']);
    assert.deepEqual(
      [...program.chains],
      [['cl/default/web/tcp/80', ['meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.1.2 . 8080, 1 : 10.244.2.2 . 8080 }']]],
    );
  });

  test('without endpoints clients are refused; with none here but some elsewhere they are dropped', () => {
    assert.deepEqual(elements(compile({ nodePort: 30080 }, []).elements), [
      'unserved 10.96.1.1 . tcp . 80 goto refuse',
      'unserved_nodeports tcp . 30080 goto refuse',
    ]);
    const local = compile({ nodePort: 30080, externalLocal: true, internalLocal: true }, [target('10.244.2.2')]);
    assert.ok(elements(local.elements).includes('unserved 10.96.1.1 . tcp . 80 drop'));
    assert.ok(elements(local.elements).includes('unserved_nodeports tcp . 30080 drop'));
  });

  test('a change of endpoints rewrites one chain and touches no element', () => {
    const before = compile({}, [target('10.244.1.2')]);
    const after = compile({}, [target('10.244.1.2'), target('10.244.2.2')]);
    const table = new ElementTable();
    table.replace('web', [], before.elements);
    table.takeChanges();
    table.replace('web', before.elements, after.elements);
    assert.deepEqual(changeCommands([{ before, after }], table.takeChanges()), [
      'add chain inet slipway cl/default/web/tcp/80',
      'flush chain inet slipway cl/default/web/tcp/80',
      'add rule inet slipway cl/default/web/tcp/80 meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.1.2 . 8080, 1 : 10.244.2.2 . 8080 }',
    ]);
    assert.deepEqual(changeCommands([{ before: after, after }], []), []);
  });

  test('what is removed is let go of before it is deleted', () => {
    const before = compile({ affinitySeconds: 60 }, [target('10.244.1.2')]);
    const table = new ElementTable();
    table.replace('web', [], before.elements);
    table.takeChanges();
    table.replace('web', before.elements, []);
    const commands = changeCommands([{ before, after: EMPTY_PROGRAM }], table.takeChanges());
    const kinds = commands.map((command) => command.split(' ').slice(0, 2).join(' '));
    assert.deepEqual(kinds, ['flush chain', 'flush chain', 'delete element', 'delete chain', 'delete chain', 'delete set']);
  });
});

test('of two services that want one address the first keeps it until it goes', () => {
  const table = new ElementTable();
  const element = (value: string): Element => ({ map: 'services', key: '192.0.2.1 . tcp . 80', value });
  table.replace('a', [], [element('goto a')]);
  table.replace('b', [], [element('goto b')]);
  assert.deepEqual(
    table.takeChanges().map(({ before, after }) => [before, after]),
    [[undefined, 'goto a']],
  );
  table.replace('a', [element('goto a')], []);
  assert.deepEqual(
    table.takeChanges().map(({ before, after }) => [before, after]),
    [['goto a', 'goto b']],
  );
  table.replace('b', [element('goto b')], []);
  table.replace('b', [], [element('goto b')]);
  assert.deepEqual(table.takeChanges(), [], 'gone and back is no change');
});

test('stale UDP flows are told apart by where they went', () => {
  assert.deepEqual(argumentsFor({ kind: 'target', address: '10.244.1.2', port: 53 }).slice(3), [
    '--dst-nat',
    '10.244.1.2',
    '--reply-port-src',
    '53',
  ]);
  assert.deepEqual(argumentsFor({ kind: 'node-port', port: 30053 }).slice(3), ['--orig-port-dst', '30053']);
});
