import { semanticEqual } from '../../api/meta/equality.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { compareQuantities } from '../../api/meta/quantity.ts';
import { runtimeClass } from '../../api/node/runtime-class.ts';
import type { Pod, PodSpec } from '../../api/types/core-v1.ts';
import type { RuntimeClass, Scheduling } from '../../api/types/node-v1.ts';
import { forbidden } from '../auth/authorizer.ts';
import type { AdmissionPlugin, AdmissionWorld } from './admission.ts';

/** A pod takes over what its RuntimeClass costs and where it may run. A class that does not exist is refused. */
export const createRuntimeClass = ({ cache }: Pick<AdmissionWorld, 'cache'>): AdmissionPlugin => {
  const classes = cache.resource(runtimeClass);
  return {
    name: 'RuntimeClass',
    resources: ['/pods'],
    admit(request) {
      const spec = (request.object as (KubeObject & Pod) | undefined)?.spec;
      if (!spec || request.subresource !== '' || request.operation !== 'CREATE') return;
      const refuse: Refuse = (reason) => forbidden({ group: '', resource: 'pods', name: request.name }, reason);
      if (!spec.runtimeClassName) {
        takeOverhead(spec, undefined, refuse);
        return;
      }
      return fromClass(spec, spec.runtimeClassName, refuse);
    },
  };

  async function fromClass(spec: PodSpec, name: string, refuse: Refuse): Promise<void> {
    const found = (await classes.get({ name }))?.object as (KubeObject & RuntimeClass) | undefined;
    if (!found) throw refuse(`pod rejected: RuntimeClass "${name}" not found`);
    takeOverhead(spec, found.overhead?.podFixed, refuse);
    if (found.scheduling) takeScheduling(spec, found.scheduling, refuse);
  }
};

type Refuse = (reason: string) => Error;

const takeOverhead = (spec: PodSpec, wanted: PodSpec['overhead'], refuse: Refuse): void => {
  const given = spec.overhead ?? {};
  const hasOwn = Object.keys(given).length > 0;
  if (!wanted) {
    if (hasOwn) throw refuse('pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
    return;
  }
  const names = new Set([...Object.keys(given), ...Object.keys(wanted)]);
  const isSame = (name: string): boolean => compareQuantities(given[name] ?? '0', wanted[name] ?? '0') === 0;
  if (hasOwn && ![...names].every(isSame)) throw refuse("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
  spec.overhead = { ...wanted };
};

const takeScheduling = (spec: PodSpec, { nodeSelector = {}, tolerations = [] }: Scheduling, refuse: Refuse): void => {
  for (const [key, value] of Object.entries(nodeSelector)) {
    const own = spec.nodeSelector?.[key];
    if (own !== undefined && own !== value)
      throw refuse(`conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`);
  }
  if (Object.keys(nodeSelector).length > 0) spec.nodeSelector = { ...spec.nodeSelector, ...nodeSelector };
  const added = tolerations.filter((one) => !spec.tolerations?.some((own) => semanticEqual(own, one)));
  if (added.length > 0) spec.tolerations = [...(spec.tolerations ?? []), ...added];
};
