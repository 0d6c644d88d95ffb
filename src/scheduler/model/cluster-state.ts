import type { Stored } from '../../api/meta/object.ts';
import type { Labels } from '../../api/meta/selector.ts';
import type { Node } from '../../api/types/core-v1.ts';
import { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import { type PodTerm, termMatches } from './pod-terms.ts';
import { Tally } from './tally.ts';

/** What pods that are placed already want of newcomers: terms that are equal share one entry, however many pods have them. */
export interface TermGroup {
  term: PodTerm;
  kind: 'required-anti' | 'required' | 'preferred' | 'preferred-anti';
  tally: Tally;
}

interface Counter {
  /** Of the pods that it can match; undefined for any. */
  namespace: string | undefined;
  matches: (pod: PodInfo) => boolean;
  /** Only pods on these nodes count; undefined for all. */
  nodes: NodeSet | undefined;
  tally: Tally;
}

/** Some of the nodes, and the values that a label has among them. Equal ids hold the same nodes; good until any node changes. */
export interface NodeSet {
  readonly id: string;
  readonly names: ReadonlySet<string>;
  domains(topologyKey: string): ReadonlySet<string>;
}

const MAX_COUNTERS = 512;
const MAX_NODE_SETS = 128;
const ZONE = 'topology.kubernetes.io/zone';

/**
 * The nodes and the pods on them as the scheduler believes them to be: what the informers told, plus pods that are bound but not
 * yet seen so ("assumed"). A scheduling cycle runs without a pause, so it reads this directly; what it tries out it undoes.
 */
export class ClusterState {
  readonly #nodes = new Map<string, NodeInfo>();
  readonly #placed = new Map<string, { info: PodInfo; nodeName: string; assumed: boolean }>();
  readonly #nominated = new Map<string, Map<string, PodInfo>>();
  readonly #groups = new Map<string, TermGroup>();
  readonly #counters = new Map<string, Counter>();
  readonly #nodeSets = new Map<string, NodeSet>();
  readonly #namespaceLabels = new Map<string, Labels>();
  readonly #imageNodes = new Map<string, number>();
  /** How many placed pods have each priority. */
  readonly #priorities = new Map<number, number>();
  #order: readonly NodeInfo[] | undefined;

  /** Nodes that can be scheduled to, zone by turns, so that the first of them are spread already. */
  get nodes(): readonly NodeInfo[] {
    this.#order ??= interleave([...this.#nodes.values()].filter((info) => info.node));
    return this.#order;
  }

  node(name: string): NodeInfo | undefined {
    const info = this.#nodes.get(name);
    return info?.node ? info : undefined;
  }

  get groups(): Iterable<TermGroup> {
    return this.#groups.values();
  }

  namespaceLabels = (namespace: string): Labels | undefined => this.#namespaceLabels.get(namespace);

  setNode(node: Stored<Node>): void {
    const name = node.metadata.name ?? '';
    const info = this.#nodes.get(name) ?? new NodeInfo(name);
    const isNew = !info.node;
    const { labels, taints } = info;
    this.#countImages(info, -1);
    info.setNode(node);
    this.#countImages(info, 1);
    this.#nodes.set(name, info);
    if (isNew || !sameLabels(labels, info.labels)) this.#forgetTopologies();
    else if (JSON.stringify(taints) !== JSON.stringify(info.taints)) this.#forgetNodeSets();
  }

  removeNode(name: string): void {
    const info = this.#nodes.get(name);
    if (!info) return;
    this.#countImages(info, -1);
    info.node = undefined;
    info.labels = {};
    if (info.pods.size === 0) this.#nodes.delete(name);
    this.#forgetTopologies();
  }

  setNamespace(name: string, labels: Labels | undefined): void {
    const before = this.#namespaceLabels.get(name);
    if (labels) this.#namespaceLabels.set(name, labels);
    else this.#namespaceLabels.delete(name);
    // Namespace selectors may count other pods now. Rare enough to start over.
    if (before && labels && !sameLabels(before, labels)) this.#counters.clear();
  }

  /** A pod that the server says is on a node; confirms one that was assumed. */
  place(info: PodInfo, nodeName: string): void {
    const known = this.#placed.get(info.uid);
    if (known && known.nodeName === nodeName && sameForScheduling(known.info, info)) {
      known.assumed = false;
      known.info = info;
      this.#nodes.get(nodeName)?.pods.set(info.uid, info);
      return;
    }
    if (known) this.#detach(known.info, known.nodeName);
    this.#attach(info, nodeName, false);
  }

  assume(info: PodInfo, nodeName: string): void {
    this.#attach(info, nodeName, true);
  }

  /** Takes a pod away: deleted, ended, or its binding failed. Returns where it was. */
  remove(uid: string): string | undefined {
    const known = this.#placed.get(uid);
    if (!known) return undefined;
    this.#detach(known.info, known.nodeName);
    return known.nodeName;
  }

  /** False when preemption cannot help: nobody who is placed matters less. */
  hasPodsBelow(priority: number): boolean {
    for (const known of this.#priorities.keys()) if (known < priority) return true;
    return false;
  }

  isPlaced(uid: string): boolean {
    return this.#placed.has(uid);
  }

  isAssumed(uid: string): boolean {
    return this.#placed.get(uid)?.assumed ?? false;
  }

  /** Runs `attempt` as if these pods were not on the node (`tryWith`: as if others were); whatever happens, all is as before. */
  tryWithout<T>(pods: readonly PodInfo[], nodeName: string, attempt: () => T): T {
    const assumed = new Set(pods.filter((pod) => this.isAssumed(pod.uid)));
    for (const pod of pods) this.#detach(pod, nodeName);
    try {
      return attempt();
    } finally {
      for (const pod of pods) this.#attach(pod, nodeName, assumed.has(pod));
    }
  }

  tryWith<T>(pods: readonly PodInfo[], nodeName: string, attempt: () => T): T {
    for (const pod of pods) this.#attach(pod, nodeName, true);
    try {
      return attempt();
    } finally {
      for (const pod of pods) this.#detach(pod, nodeName);
    }
  }

  nominate(info: PodInfo, nodeName: string | undefined): void {
    for (const [name, pods] of this.#nominated) {
      pods.delete(info.uid);
      if (pods.size === 0) this.#nominated.delete(name);
    }
    if (nodeName === undefined) return;
    const pods = this.#nominated.get(nodeName) ?? new Map<string, PodInfo>();
    pods.set(info.uid, info);
    this.#nominated.set(nodeName, pods);
  }

  /** Pods that wait for room on the node and come before this one. */
  nominatedBefore(info: PodInfo, nodeName: string): PodInfo[] {
    if (this.#nominated.size === 0) return [];
    return [...(this.#nominated.get(nodeName)?.values() ?? [])].filter(
      (other) => other.uid !== info.uid && other.priority >= info.priority,
    );
  }

  /** Counts the placed pods for which `matches` holds. Equal ids must mean equal predicates and namespaces. */
  count(what: { id: string; namespace: string | undefined; matches: (pod: PodInfo) => boolean; nodes?: NodeSet | undefined }): Tally {
    const { namespace, matches, nodes } = what;
    const id = nodes ? `${what.id} @ ${nodes.id}` : what.id;
    const known = this.#counters.get(id);
    if (known) {
      // Most recently used last.
      this.#counters.delete(id);
      this.#counters.set(id, known);
      return known.tally;
    }
    const counter: Counter = { namespace, matches, nodes, tally: new Tally(this.#nodes) };
    for (const { info, nodeName } of this.#placed.values()) if (counts(counter, info, nodeName)) counter.tally.add(nodeName, 1);
    this.#counters.set(id, counter);
    for (const oldest of this.#counters.keys()) {
      if (this.#counters.size <= MAX_COUNTERS) break;
      this.#counters.delete(oldest);
    }
    return counter.tally;
  }

  /** Placed pods that an affinity term speaks of. */
  countTerm(term: PodTerm): Tally {
    const [only] = term.namespaces.size === 1 && !term.namespaceSelector ? term.namespaces : [undefined];
    return this.count({ id: `term ${term.id}`, namespace: only, matches: (pod) => termMatches(term, pod, this.namespaceLabels) });
  }

  /** The nodes for which `matches` holds. Equal ids must mean equal predicates. */
  nodeSet(id: string, matches: (node: NodeInfo) => boolean): NodeSet {
    const known = this.#nodeSets.get(id);
    if (known) return known;
    const members = this.nodes.filter(matches);
    const domains = new Map<string, ReadonlySet<string>>();
    const set: NodeSet = {
      id,
      names: new Set(members.map((node) => node.name)),
      domains: (key) => {
        const values = domains.get(key) ?? new Set(members.map((node) => node.labels[key]).filter((value) => value !== undefined));
        domains.set(key, values);
        return values;
      },
    };
    if (this.#nodeSets.size >= MAX_NODE_SETS) this.#forgetNodeSets();
    this.#nodeSets.set(id, set);
    return set;
  }

  nodesWithImage(name: string): number {
    return this.#imageNodes.get(name) ?? 0;
  }

  #attach(info: PodInfo, nodeName: string, assumed: boolean): void {
    let node = this.#nodes.get(nodeName);
    if (!node) {
      node = new NodeInfo(nodeName);
      this.#nodes.set(nodeName, node);
    }
    this.#placed.set(info.uid, { info, nodeName, assumed });
    node.add(info);
    this.#tell(info, nodeName, 1);
  }

  #detach(info: PodInfo, nodeName: string): void {
    this.#placed.delete(info.uid);
    const node = this.#nodes.get(nodeName);
    const known = node?.remove(info.uid);
    if (!node || !known) return;
    this.#tell(known, nodeName, -1);
    if (!node.node && node.pods.size === 0) this.#nodes.delete(nodeName);
  }

  #tell(info: PodInfo, nodeName: string, delta: 1 | -1): void {
    const count = (this.#priorities.get(info.priority) ?? 0) + delta;
    if (count > 0) this.#priorities.set(info.priority, count);
    else this.#priorities.delete(info.priority);
    for (const counter of this.#counters.values()) if (counts(counter, info, nodeName)) counter.tally.add(nodeName, delta);
    if (info.terms.empty) return;
    const { requiredAffinity, requiredAntiAffinity, preferredAffinity, preferredAntiAffinity } = info.terms;
    for (const term of requiredAntiAffinity) this.#tellGroup(term, 'required-anti', nodeName, delta);
    for (const term of requiredAffinity) this.#tellGroup(term, 'required', nodeName, delta);
    for (const term of preferredAffinity) this.#tellGroup(term, 'preferred', nodeName, delta);
    for (const term of preferredAntiAffinity) this.#tellGroup(term, 'preferred-anti', nodeName, delta);
  }

  #tellGroup(term: PodTerm, kind: TermGroup['kind'], nodeName: string, delta: 1 | -1): void {
    const id = `${kind} ${term.weight} ${term.topologyKey} ${term.id}`;
    const group = this.#groups.get(id) ?? { term, kind, tally: new Tally(this.#nodes) };
    this.#groups.set(id, group);
    group.tally.add(nodeName, delta);
    if (group.tally.isEmpty) this.#groups.delete(id);
  }

  #countImages(info: NodeInfo, delta: 1 | -1): void {
    for (const name of info.images.keys()) {
      const count = (this.#imageNodes.get(name) ?? 0) + delta;
      if (count > 0) this.#imageNodes.set(name, count);
      else this.#imageNodes.delete(name);
    }
  }

  #forgetNodeSets(): void {
    this.#nodeSets.clear();
    for (const [id, counter] of this.#counters) if (counter.nodes) this.#counters.delete(id);
  }

  #forgetTopologies(): void {
    this.#order = undefined;
    this.#forgetNodeSets();
    for (const counter of this.#counters.values()) counter.tally.forgetTopologies();
    for (const group of this.#groups.values()) group.tally.forgetTopologies();
  }
}

const counts = (counter: Counter, info: PodInfo, nodeName: string): boolean =>
  (counter.namespace === undefined || counter.namespace === info.namespace) &&
  (counter.nodes?.names.has(nodeName) ?? true) &&
  counter.matches(info);

const interleave = (nodes: readonly NodeInfo[]): NodeInfo[] => {
  const zones = new Map<string, NodeInfo[]>();
  for (const info of nodes) {
    const zone = info.labels[ZONE] ?? '';
    const list = zones.get(zone);
    if (list) list.push(info);
    else zones.set(zone, [info]);
  }
  const lists = [...zones.values()];
  if (lists.length <= 1) return lists[0] ?? [];
  const result: NodeInfo[] = [];
  for (let index = 0; result.length < nodes.length; index += 1)
    for (const list of lists) if (list[index]) result.push(list[index] as NodeInfo);
  return result;
};

const sameLabels = (a: Labels, b: Labels): boolean => {
  if (a === b) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
};

/** Status updates, which are most, change nothing here. */
const sameForScheduling = (a: PodInfo, b: PodInfo): boolean =>
  a.pod === b.pod || (a.terminating === b.terminating && sameLabels(a.labels, b.labels) && sameRequests(a, b));

const sameRequests = (a: PodInfo, b: PodInfo): boolean =>
  a.requests.cpu === b.requests.cpu &&
  a.requests.memory === b.requests.memory &&
  a.requests.ephemeralStorage === b.requests.ephemeralStorage;
