import { quantityMilliValue, quantityValue } from '../../api/meta/quantity.ts';
import type { Container, PodSpec } from '../../api/types/core-v1.ts';

/** Amounts as plain numbers: CPU in thousandths, memory and storage in bytes, everything else in whole units. */
export interface Resources {
  cpu: number;
  memory: number;
  ephemeralStorage: number;
  /** Extended resources and huge pages; undefined when there are none, which is nearly always. */
  extended: ReadonlyMap<string, number> | undefined;
}

export type Quantities = Readonly<Record<string, string | number>>;

export const NO_RESOURCES: Resources = Object.freeze({ cpu: 0, memory: 0, ephemeralStorage: 0, extended: undefined });

/** `pods`, which is counted apart, is left out. */
export const resourcesOf = (quantities: Quantities | undefined): Resources => {
  if (!quantities) return NO_RESOURCES;
  const resources = { cpu: 0, memory: 0, ephemeralStorage: 0 };
  let extended: Map<string, number> | undefined;
  for (const [name, quantity] of Object.entries(quantities)) {
    if (name === 'cpu') resources.cpu = amount(quantity, 'milli');
    else if (name === 'memory') resources.memory = amount(quantity, 'whole');
    else if (name === 'ephemeral-storage') resources.ephemeralStorage = amount(quantity, 'whole');
    else if (name !== 'pods') {
      extended ??= new Map();
      extended.set(name, amount(quantity, 'whole'));
    }
  }
  return { ...resources, extended };
};

export const sum = (a: Resources, b: Resources): Resources => combine(a, b, (x, y) => x + y);
export const largest = (a: Resources, b: Resources): Resources => combine(a, b, Math.max);

/**
 * What a pod asks of its node: its containers and sidecars together, or an init container with the sidecars before it when that is
 * more, and its overhead. What is said for the whole pod stands above that.
 */
export const podRequests = (spec: PodSpec, requestsOf: (container: Container) => Resources = requestsOfContainer): Resources => {
  let running = NO_RESOURCES;
  for (const container of spec.containers) running = sum(running, requestsOf(container));
  let sidecars = NO_RESOURCES;
  let starting = NO_RESOURCES;
  for (const container of spec.initContainers ?? []) {
    const requests = requestsOf(container);
    if (container.restartPolicy === 'Always') {
      sidecars = sum(sidecars, requests);
      starting = largest(starting, sidecars);
    } else starting = largest(starting, sum(sidecars, requests));
  }
  let total = largest(sum(running, sidecars), starting);
  if (spec.resources?.requests) {
    const { requests } = spec.resources;
    const pod = resourcesOf(requests);
    total = {
      ...total,
      ...(requests['cpu'] === undefined ? {} : { cpu: pod.cpu }),
      ...(requests['memory'] === undefined ? {} : { memory: pod.memory }),
    };
  }
  return spec.overhead ? sum(total, resourcesOf(spec.overhead)) : total;
};

const requestsOfContainer = (container: Container): Resources => resourcesOf(container.resources?.requests);

const DEFAULT_CPU_MILLI = 100;
const DEFAULT_MEMORY_BYTES = 200 * 1024 * 1024;

/** For scores: containers that ask for nothing count as if they asked for a little, so that they spread. */
export const scoringRequests = (spec: PodSpec): { cpu: number; memory: number } =>
  podRequests(spec, (container) => {
    const requests = container.resources?.requests;
    return {
      cpu: requests?.['cpu'] === undefined ? DEFAULT_CPU_MILLI : amount(requests['cpu'], 'milli'),
      memory: requests?.['memory'] === undefined ? DEFAULT_MEMORY_BYTES : amount(requests['memory'], 'whole'),
      ephemeralStorage: 0,
      extended: undefined,
    };
  });

const combine = (a: Resources, b: Resources, merge: (x: number, y: number) => number): Resources => {
  let extended = a.extended ?? b.extended;
  if (a.extended && b.extended) {
    const merged = new Map(a.extended);
    for (const [name, value] of b.extended) merged.set(name, merge(merged.get(name) ?? 0, value));
    extended = merged;
  }
  return {
    cpu: merge(a.cpu, b.cpu),
    memory: merge(a.memory, b.memory),
    ephemeralStorage: merge(a.ephemeralStorage, b.ephemeralStorage),
    extended,
  };
};

/** The same few texts (`100m`, `128Mi`) come again and again. */
const MAX_REMEMBERED = 10_000;
const remembered = { milli: new Map<string | number, number>(), whole: new Map<string | number, number>() };

const amount = (quantity: string | number, unit: 'milli' | 'whole'): number => {
  const memory = remembered[unit];
  let value = memory.get(quantity);
  if (value === undefined) {
    value = unit === 'milli' ? quantityMilliValue(quantity) : quantityValue(quantity);
    if (memory.size >= MAX_REMEMBERED) memory.clear();
    memory.set(quantity, value);
  }
  return value;
};
