import { parseQuantity } from '../meta/quantity.ts';
import type { PodSpec, ResourceRequirements } from '../types/core-v1.ts';

const COMPUTE = ['cpu', 'memory'] as const;

const positive = (value: string | number | undefined): bigint => (value === undefined ? 0n : parseQuantity(value).nano);

/** `Guaranteed`, `Burstable` or `BestEffort`: what `status.qosClass` says. */
export const qosClassOf = (spec: PodSpec): 'Guaranteed' | 'Burstable' | 'BestEffort' => {
  const all: (ResourceRequirements | undefined)[] = spec.resources
    ? [spec.resources]
    : [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((container) => container.resources);
  let anything = false;
  let guaranteed = all.length > 0;
  for (const resources of all)
    for (const name of COMPUTE) {
      const request = positive(resources?.requests?.[name]);
      const limit = positive(resources?.limits?.[name]);
      if (request > 0n || limit > 0n) anything = true;
      if (limit === 0n || request !== limit) guaranteed = false;
    }
  if (!anything) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
};
