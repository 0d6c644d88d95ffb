import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PodSpec } from '../../../src/api/types/core-v1.ts';
import { explainUnfit } from '../../../src/scheduler/fit-error.ts';
import type { PodInfo } from '../../../src/scheduler/model/pod-info.ts';
import { PLUGINS } from '../../../src/scheduler/plugins/index.ts';
import { findPreemption } from '../../../src/scheduler/preemption.ts';
import { enoughNodes } from '../../../src/scheduler/scheduling-cycle.ts';
import { makeNode, makePod, type NodeDraft, TestWorld } from './world.ts';

/** The node's name, or the reasons as people read them. */
const outcome = (world: TestWorld, pod: PodInfo): string => {
  const verdict = world.choose(pod);
  if (verdict.kind === 'fits') return verdict.node.name;
  return verdict.kind === 'unfit' ? explainUnfit(verdict.unfit) : verdict.kind;
};

const NO = '0/2 nodes are available:';
const affinityTo = (app: string, topologyKey: string, kind: 'podAffinity' | 'podAntiAffinity'): Partial<PodSpec> => ({
  affinity: { [kind]: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey, labelSelector: { matchLabels: { app } } }] } },
});
const ZONED: Record<string, NodeDraft> = { a: { labels: { zone: 'x' } }, b: { labels: { zone: 'y' } } };

describe('filters', () => {
  const table: { name: string; nodes: Record<string, NodeDraft>; placed?: [string, PodInfo][]; pod: PodInfo; expected: string }[] = [
    {
      name: 'resources are summed and respected',
      nodes: { a: { cpu: '1' }, b: { cpu: '2' } },
      placed: [['b', makePod('p', { cpu: '500m' })]],
      pod: makePod('q', { cpu: '1200m' }),
      expected: 'b',
    },
    {
      name: 'every lack is named',
      nodes: { a: { cpu: '1', memory: '1Gi' }, b: { cpu: '1', memory: '4Gi', pods: '0' } },
      pod: makePod('q', { cpu: '2', memory: '2Gi' }),
      expected: `${NO} 1 Insufficient memory, 1 Too many pods, 2 Insufficient cpu.`,
    },
    {
      name: 'the largest init container counts, with the sidecars before it',
      nodes: { a: { cpu: '1' }, b: { cpu: '2' } },
      pod: makePod('q', {
        cpu: '100m',
        spec: {
          initContainers: [
            { name: 's', image: 'i', restartPolicy: 'Always', resources: { requests: { cpu: '500m' } } },
            { name: 'i', image: 'i', resources: { requests: { cpu: '800m' } } },
          ],
        },
      }),
      expected: 'b',
    },
    {
      name: 'extended resources are counted',
      nodes: { a: {}, b: { more: { 'example.com/gpu': '1' } } },
      pod: makePod('q', { spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { 'example.com/gpu': '1' } } }] } }),
      expected: 'b',
    },
    {
      name: 'cordoned and tainted nodes take nobody',
      nodes: { a: { unschedulable: true }, b: { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] } },
      pod: makePod('q'),
      expected: `${NO} 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable.`,
    },
    {
      name: 'but those that tolerate it',
      nodes: { a: { unschedulable: true }, b: { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] } },
      pod: makePod('q', { spec: { tolerations: [{ key: 'k', operator: 'Equal', value: 'v', effect: 'NoSchedule' }] } }),
      expected: 'b',
    },
    { name: 'node selector', nodes: ZONED, pod: makePod('q', { spec: { nodeSelector: { zone: 'y' } } }), expected: 'b' },
    {
      name: 'node affinity by expressions',
      nodes: ZONED,
      pod: makePod('q', {
        spec: {
          affinity: {
            nodeAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: {
                nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'NotIn', values: ['x'] }] }],
              },
            },
          },
        },
      }),
      expected: 'b',
    },
    {
      name: 'node affinity by name, when the node is not there',
      nodes: ZONED,
      pod: makePod('q', {
        spec: {
          affinity: {
            nodeAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: {
                nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['c'] }] }],
              },
            },
          },
        },
      }),
      expected: `${NO} 2 node(s) didn't satisfy plugin(s) [NodeAffinity].`,
    },
    {
      name: 'host ports are taken once a node',
      nodes: ZONED,
      placed: [['a', makePod('p', { spec: { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 80 }] }] } })]],
      pod: makePod('q', {
        spec: { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 80, hostIP: '10.0.0.1' }] }] },
      }),
      expected: 'b',
    },
    {
      name: 'anti-affinity keeps away',
      nodes: ZONED,
      placed: [['a', makePod('p', { labels: { app: 'web' } })]],
      pod: makePod('q', { spec: affinityTo('web', 'zone', 'podAntiAffinity') }),
      expected: 'b',
    },
    {
      name: 'and is kept by those who are there',
      nodes: ZONED,
      placed: [
        ['a', makePod('p', { spec: affinityTo('web', 'zone', 'podAntiAffinity') })],
        ['b', makePod('r', { spec: affinityTo('web', 'zone', 'podAntiAffinity') })],
      ],
      pod: makePod('q', { labels: { app: 'web' } }),
      expected: `${NO} 2 node(s) didn't satisfy existing pods anti-affinity rules.`,
    },
    {
      name: 'affinity goes where the others are',
      nodes: ZONED,
      placed: [['b', makePod('p', { labels: { app: 'web' } })]],
      pod: makePod('q', { spec: affinityTo('web', 'zone', 'podAffinity') }),
      expected: 'b',
    },
    {
      name: 'affinity to nobody',
      nodes: ZONED,
      pod: makePod('q', { spec: affinityTo('web', 'zone', 'podAffinity') }),
      expected: `${NO} 2 node(s) didn't match pod affinity rules.`,
    },
    {
      name: 'pods of another namespace are not meant',
      nodes: ZONED,
      placed: [['b', makePod('p', { namespace: 'other', labels: { app: 'web' } })]],
      pod: makePod('q', { spec: affinityTo('web', 'zone', 'podAffinity') }),
      expected: `${NO} 2 node(s) didn't match pod affinity rules.`,
    },
    {
      name: 'hard spreading',
      nodes: ZONED,
      placed: [['a', makePod('p', { labels: { app: 'web' } })]],
      pod: makePod('q', {
        labels: { app: 'web' },
        spec: {
          topologySpreadConstraints: [
            { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'web' } } },
          ],
        },
      }),
      expected: 'b',
    },
    {
      name: 'hard spreading over a label that a node lacks',
      nodes: { a: { labels: { zone: 'x' }, cpu: '0' }, b: {} },
      pod: makePod('q', {
        cpu: '1',
        spec: { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }] },
      }),
      expected: `${NO} 1 Insufficient cpu, 1 node(s) didn't match pod topology spread constraints (missing required label).`,
    },
    {
      name: 'a claim that does not exist',
      nodes: ZONED,
      pod: makePod('q', { spec: { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] } }),
      expected: `${NO} persistentvolumeclaim "data" not found.`,
    },
  ];
  for (const { name, nodes, placed = [], pod, expected } of table)
    test(name, () => {
      const world = new TestWorld(nodes);
      for (const [node, other] of placed) world.put(node, other);
      assert.equal(outcome(world, pod), expected);
    });

  test('the first of a group that wants to be near itself has a place', () => {
    const world = new TestWorld(ZONED);
    assert.match(outcome(world, makePod('q', { labels: { app: 'web' }, spec: affinityTo('web', 'zone', 'podAffinity') })), /^[ab]$/);
  });

  test('a bound volume draws its pod to its node', () => {
    const world = new TestWorld(ZONED);
    world.volumes.set('pv', {
      metadata: { name: 'pv' },
      spec: { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['y'] }] }] } } },
    });
    world.claims.set('default/data', {
      metadata: { name: 'data', namespace: 'default', annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } },
      spec: { volumeName: 'pv' },
    });
    const spec = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] };
    assert.equal(outcome(world, makePod('q', { spec })), 'b');
    world.claims.set('default/data', { metadata: { name: 'data', namespace: 'default' }, spec: { storageClassName: 'fast' } });
    assert.equal(outcome(world, makePod('r', { spec })), `${NO} pod has unbound immediate PersistentVolumeClaims.`);
  });

  test('labels of nodes that change are seen', () => {
    const world = new TestWorld(ZONED);
    world.put('a', makePod('p', { labels: { app: 'web' } }));
    const pod = makePod('q', { spec: affinityTo('web', 'zone', 'podAntiAffinity') });
    assert.equal(outcome(world, pod), 'b');
    world.state.setNode(makeNode('a', { labels: { zone: 'y' } }));
    world.state.setNode(makeNode('b', { labels: { zone: 'x' } }));
    assert.equal(outcome(world, pod), 'b');
    world.state.setNode(makeNode('b', { labels: { zone: 'y' } }));
    assert.equal(outcome(world, pod), `${NO} 2 node(s) didn't match pod anti-affinity rules.`);
  });
});

describe('scores', () => {
  test('the emptier node is better', () => {
    const world = new TestWorld({ a: {}, b: {} }).put('a', makePod('p', { cpu: '2', memory: '2Gi' }));
    assert.equal(outcome(world, makePod('q', { cpu: '1', memory: '1Gi' })), 'b');
  });

  test('preferred node affinity, taints and images draw', () => {
    const preferred = {
      affinity: {
        nodeAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 10, preference: { matchExpressions: [{ key: 'zone', operator: 'In', values: ['y'] }] } },
          ],
        },
      },
    };
    assert.equal(outcome(new TestWorld(ZONED), makePod('q', { spec: preferred })), 'b');
    const tainted = new TestWorld({ a: { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] }, b: {} });
    assert.equal(outcome(tainted, makePod('q')), 'b');
    assert.equal(outcome(new TestWorld({ a: {}, b: { images: { 'app:1': 900_000_000 } } }), makePod('q')), 'b');
  });

  test('soft spreading and preferred anti-affinity go to where fewer are', () => {
    const soft = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: { matchLabels: { app: 'web' } } };
    const world = new TestWorld(ZONED).put('a', makePod('p', { labels: { app: 'web' } }));
    assert.equal(outcome(world, makePod('q', { labels: { app: 'web' }, spec: { topologySpreadConstraints: [soft] } })), 'b');
    const term = { topologyKey: 'zone', labelSelector: { matchLabels: { app: 'web' } } };
    const anti = {
      affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: term }] } },
    };
    assert.equal(outcome(world, makePod('r', { spec: anti })), 'b');
  });

  test('equal nodes are chosen by chance', () => {
    const world = new TestWorld({ a: {}, b: {}, c: {} });
    const seen = new Set(
      Array.from({ length: 200 }, () => (world.choose(makePod('q'), Math.random) as { node: { name: string } }).node.name),
    );
    assert.deepEqual([...seen].sort(), ['a', 'b', 'c']);
  });
});

test('of many nodes only some are looked at', () => {
  assert.deepEqual([1, 99, 100, 1_000, 5_000, 20_000].map(enoughNodes), [1, 99, 100, 420, 500, 1_000]);
});

describe('preemption', () => {
  const preempt = (world: TestWorld, pod: PodInfo, budgets: Parameters<typeof findPreemption>[2]['budgets'] = []) => {
    const verdict = world.choose(pod);
    assert.equal(verdict.kind, 'unfit');
    if (verdict.kind !== 'unfit') throw new Error();
    const found = findPreemption(pod, verdict.unfit, { world, plugins: PLUGINS, budgets, random: () => 0 });
    return found.kind === 'none'
      ? found.message
      : { node: found.node.name, victims: found.victims.map((victim) => victim.pod.metadata.name) };
  };
  const low = (name: string, cpu: string, priority = 0): PodInfo =>
    makePod(name, { cpu, labels: { app: name }, spec: { ...makePod('x', { cpu }).spec, priority } });
  const high = low('high', '2', 1_000);

  test('the least important pods go, and no more of them than needed', () => {
    const world = new TestWorld({ a: { cpu: '3' }, b: { cpu: '3' } });
    world.put('a', low('a1', '1500m', 500), low('a2', '1', 500)).put('b', low('b1', '1', 10), low('b2', '1', 20), low('b3', '1', 30));
    assert.deepEqual(preempt(world, high), { node: 'b', victims: ['b2', 'b1'] });
  });

  test('nothing is left changed by the search', () => {
    const world = new TestWorld({ a: { cpu: '2' }, b: { cpu: '1' } }).put('a', low('p', '1500m'));
    preempt(world, high);
    assert.deepEqual([world.state.node('a')?.cpu, world.state.node('a')?.pods.size], [1_500, 1]);
  });

  test('budgets are kept where another node will do', () => {
    const world = new TestWorld({ a: { cpu: '2' }, b: { cpu: '2' } }).put('a', low('kept', '2')).put('b', low('other', '2', 100));
    const budget = {
      metadata: { name: 'b', namespace: 'default' },
      spec: { selector: { matchLabels: { app: 'kept' } } },
      status: { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
    };
    assert.deepEqual(preempt(world, high), { node: 'a', victims: ['kept'] });
    assert.deepEqual(preempt(world, high, [budget]), { node: 'b', victims: ['other'] });
  });

  test('it says why it does not help', () => {
    const world = new TestWorld({ a: { cpu: '2' }, b: { cpu: '1' } }).put('a', low('p', '2', 1_000));
    assert.equal(
      preempt(world, high),
      'preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.',
    );
    const never = makePod('never', { cpu: '2', spec: { ...high.spec, preemptionPolicy: 'Never' } });
    assert.equal(preempt(world, never), 'preemption: not eligible due to preemptionPolicy=Never.');
  });

  test('room that was made for one is not given to another of less importance', () => {
    const world = new TestWorld({ a: { cpu: '2' } });
    world.state.nominate(high, 'a');
    assert.equal(world.choose(low('thief', '1')).kind, 'unfit');
    assert.equal(world.choose(low('boss', '1', 2_000)).kind, 'fits');
  });
});
