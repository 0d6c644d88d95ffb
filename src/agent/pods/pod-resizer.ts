import type { Stored } from '../../api/meta/object.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { PodContext } from './pod-context.ts';
import { containerResources } from './resources.ts';
import { latestContainer, type RuntimePod } from './runtime-state.ts';

/** Brings changed requests and limits of a running pod to its cgroups, without a restart. */
export class PodResizer {
  readonly #context: PodContext;
  /** By container ID: what it has, as text. A container that is seen first has what it was made with. */
  readonly #applied = new Map<string, string>();

  constructor(context: PodContext) {
    this.#context = context;
  }

  async sync(pod: Stored<Pod>, state: RuntimePod): Promise<void> {
    const { cri, cgroups, node, log } = this.#context;
    const spec = pod.spec ?? { containers: [] };
    for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
      const latest = latestContainer(state, container.name);
      if (latest?.state !== 'running') continue;
      const linux = containerResources(container, spec, node.allocatable.memoryBytes);
      const wanted = JSON.stringify(linux);
      const before = this.#applied.get(latest.id);
      this.#applied.set(latest.id, wanted);
      if (before === undefined || before === wanted) continue;
      try {
        await cgroups.ensurePod(pod.metadata.uid ?? '', spec);
        await cri.updateContainerResources({ containerId: latest.id, linux });
      } catch (error) {
        // Tried again when the spec changes next; the container goes on with what it had.
        log.warn('resources of a container were not changed', { pod: pod.metadata.name, container: container.name, error });
      }
    }
    for (const id of this.#applied.keys()) if (!state.containers.some((container) => container.id === id)) this.#applied.delete(id);
  }
}
