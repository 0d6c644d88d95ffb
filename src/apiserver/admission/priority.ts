import type { KubeObject } from '../../api/meta/object.ts';
import { priorityClass } from '../../api/scheduling/priority-class.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { PriorityClass } from '../../api/types/scheduling-v1.ts';
import { forbidden } from '../auth/authorizer.ts';
import type { AdmissionPlugin, AdmissionWorld } from './admission.ts';

type PriorityObject = KubeObject & PriorityClass;

/** A pod's priority is its class's: clients name the class and may not choose the number. */
export const createPriority = ({ cache }: Pick<AdmissionWorld, 'cache'>): AdmissionPlugin => {
  const classes = cache.resource(priorityClass);
  return {
    name: 'Priority',
    resources: ['/pods', 'scheduling.k8s.io/priorityclasses'],
    async admit(request) {
      const { object, old, operation } = request;
      if (!object || request.subresource !== '' || request.kind.plural !== 'pods') return;
      const spec = (object as KubeObject & Pod).spec;
      if (!spec) return;
      if (operation === 'UPDATE') {
        const was = (old as KubeObject & Pod).spec;
        // Clients that know no priority leave it out; that is no wish to remove it.
        if (spec.priority === undefined && was?.priority !== undefined) spec.priority = was.priority;
        if (spec.preemptionPolicy === undefined && was?.preemptionPolicy !== undefined) spec.preemptionPolicy = was.preemptionPolicy;
        return;
      }
      const target = { group: '', resource: 'pods', name: request.name };
      let found: PriorityObject | undefined;
      if (spec.priorityClassName) {
        found = (await classes.get({ name: spec.priorityClassName }))?.object as PriorityObject | undefined;
        if (!found) throw forbidden(target, `no PriorityClass with name ${spec.priorityClassName} was found`);
      } else {
        found = await globalDefault();
        if (found) spec.priorityClassName = found.metadata.name ?? '';
      }
      const value = found?.value ?? 0;
      if (spec.priority !== undefined && spec.priority !== value)
        throw forbidden(
          target,
          `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
        );
      spec.priority = value;
      const policy = found?.preemptionPolicy ?? 'PreemptLowerPriority';
      if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy)
        throw forbidden(
          target,
          `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
        );
      spec.preemptionPolicy = policy;
    },
    async validate(request) {
      const { object, operation } = request;
      if (request.kind.plural !== 'priorityclasses' || !object || operation === 'DELETE') return;
      const wanted = object as PriorityObject;
      if (!wanted.globalDefault) return;
      const present = await globalDefault();
      if (present && present.metadata.name !== wanted.metadata.name)
        throw forbidden(
          { group: 'scheduling.k8s.io', resource: 'priorityclasses', name: request.name },
          `PriorityClass ${present.metadata.name} is already marked as default. Only one default can exist`,
        );
    },
  };

  async function globalDefault(): Promise<PriorityObject | undefined> {
    let best: PriorityObject | undefined;
    for (const { object } of (await classes.list()).items) {
      const one = object as PriorityObject;
      if (one.globalDefault && (!best || (one.value ?? 0) < (best.value ?? 0))) best = one;
    }
    return best;
  }
};
