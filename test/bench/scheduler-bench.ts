/**
 * How many pods a second the scheduling cycle places, without an API server: `node test/bench/scheduler-bench.ts [nodes] [pods]`.
 * Upstream's scheduler_perf demands 680-810 pods a second of 5,000 nodes for the like of these.
 */
import type { Stored } from '../../src/api/meta/object.ts';
import { selectorFromMap } from '../../src/api/meta/selector.ts';
import type { Node, Pod, PodSpec } from '../../src/api/types/core-v1.ts';
import { ClusterState } from '../../src/scheduler/model/cluster-state.ts';
import { podInfoOf } from '../../src/scheduler/model/pod-info.ts';
import type { World } from '../../src/scheduler/plugin.ts';
import { PLUGINS } from '../../src/scheduler/plugins/index.ts';
import { SchedulingCycle } from '../../src/scheduler/scheduling-cycle.ts';

const nodeCount = Number(process.argv[2] ?? 5_000);
const podCount = Number(process.argv[3] ?? 5_000);

const makeNode = (index: number): Stored<Node> => ({
  metadata: {
    name: `node-${index}`,
    labels: {
      'kubernetes.io/hostname': `node-${index}`,
      'topology.kubernetes.io/zone': `zone-${index % 3}`,
      disk: index % 2 ? 'ssd' : 'hdd',
    },
  },
  status: { allocatable: { cpu: '4', memory: '32Gi', pods: '110', 'ephemeral-storage': '100Gi' } },
});

const containers: PodSpec['containers'] = [{ name: 'c', image: 'app:1', resources: { requests: { cpu: '100m', memory: '500Mi' } } }];
const labels = { app: 'web' };
const labelSelector = { matchLabels: labels };
const spread = (topologyKey: string, whenUnsatisfiable: string) => [{ maxSkew: 5, topologyKey, whenUnsatisfiable, labelSelector }];

const WORKLOADS: Record<string, PodSpec> = {
  'plain, of a Service': { containers },
  'node selector': { containers, nodeSelector: { disk: 'ssd' } },
  'preferred anti-affinity by host': {
    containers,
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 1, podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector } },
        ],
      },
    },
  },
  'required anti-affinity by host': {
    containers,
    affinity: {
      podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname', labelSelector }] },
    },
  },
  'required affinity by zone': {
    containers,
    affinity: {
      podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'topology.kubernetes.io/zone', labelSelector }] },
    },
  },
  'hard spreading by zone': { containers, topologySpreadConstraints: spread('topology.kubernetes.io/zone', 'DoNotSchedule') },
  'hard spreading by host': { containers, topologySpreadConstraints: spread('kubernetes.io/hostname', 'DoNotSchedule') },
  'soft spreading by zone': { containers, topologySpreadConstraints: spread('topology.kubernetes.io/zone', 'ScheduleAnyway') },
};

const makePod = (index: number, spec: PodSpec): Stored<Pod> => ({
  metadata: { name: `pod-${index}`, namespace: 'bench', uid: `uid-${index}`, labels },
  spec,
});

for (const [name, spec] of Object.entries(WORKLOADS)) {
  const state = new ClusterState();
  const siblings = { id: 'web', selector: selectorFromMap(labels) };
  const world: World = {
    state,
    claim: () => undefined,
    volume: () => undefined,
    availableVolumes: () => [],
    storageClass: () => undefined,
    csiNode: () => undefined,
    siblings: () => siblings,
  };
  for (let index = 0; index < nodeCount; index += 1) state.setNode(makeNode(index));
  const cycle = new SchedulingCycle({ world, plugins: PLUGINS, random: Math.random });
  const pods = Array.from({ length: podCount }, (_, index) => makePod(index, spec));
  const began = performance.now();
  let placed = 0;
  for (const pod of pods) {
    const info = podInfoOf(pod);
    const verdict = cycle.choose(info);
    if (verdict.kind !== 'fits') continue;
    state.assume(info, verdict.node.name);
    placed += 1;
  }
  const seconds = (performance.now() - began) / 1_000;
  process.stdout.write(
    `${name.padEnd(34)} ${placed} pods on ${nodeCount} nodes in ${seconds.toFixed(2)} s: ${Math.round(placed / seconds)} pods/s\n`,
  );
}
