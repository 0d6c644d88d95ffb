import { pod as pods } from '../api/core/pod.ts';
import { service as services } from '../api/core/service.ts';
import { keyOf, type Stored } from '../api/meta/object.ts';
import type { Pod, Service } from '../api/types/core-v1.ts';
import type { InformerReads } from '../client/informer/informer.ts';
import type { ControllerContext, Watch } from './controller.ts';
import { selectsAll } from './label-selector.ts';

/** Which pods are behind which Services, both ways. For the controllers that publish endpoints. */
export class ServicePods {
  readonly services: InformerReads<Service>;
  readonly #pods: InformerReads<Pod>;

  constructor(context: ControllerContext) {
    this.services = context.informers.of<Service>(services);
    this.#pods = context.informers.of<Pod>(pods);
    this.services.addIndex('namespace', (service) => [service.metadata.namespace ?? '']);
    this.#pods.addIndex('namespace', (pod) => [pod.metadata.namespace ?? '']);
  }

  podsOf(service: Stored<Service>): Stored<Pod>[] {
    const selector = service.spec?.selector ?? {};
    return this.#pods.byIndex('namespace', service.metadata.namespace ?? '').filter((pod) => selectsAll(selector, pod.metadata.labels));
  }

  /** Keys of Services when they or pods behind them change in a way that endpoints show. */
  get watch(): Watch {
    return (enqueue) => {
      const offServices = this.services.addHandler({
        add: (service) => enqueue(keyOf(service)),
        update: (service) => enqueue(keyOf(service)),
        delete: (service) => enqueue(keyOf(service)),
      });
      const tell = (pod: Stored<Pod>): void => {
        for (const service of this.services.byIndex('namespace', pod.metadata.namespace ?? ''))
          if (hasSelector(service) && selectsAll(service.spec?.selector ?? {}, pod.metadata.labels)) enqueue(keyOf(service));
      };
      const offPods = this.#pods.addHandler({
        add: tell,
        update: (pod, old) => {
          if (faceOf(pod) === faceOf(old)) return;
          tell(old);
          tell(pod);
        },
        delete: tell,
      });
      return () => {
        offServices();
        offPods();
      };
    };
  }
}

export const hasSelector = (service: Service): boolean =>
  service.spec?.type !== 'ExternalName' && Object.keys(service.spec?.selector ?? {}).length > 0;

/** What endpoints show of a pod; a change of anything else is no news. */
const faceOf = (pod: Stored<Pod>): string =>
  JSON.stringify([
    pod.metadata.labels,
    pod.metadata.deletionTimestamp !== undefined,
    pod.status?.phase,
    pod.status?.podIP,
    pod.status?.podIPs,
    pod.status?.conditions?.find((condition) => condition.type === 'Ready')?.status,
    pod.spec?.nodeName,
    pod.spec?.hostname,
    pod.spec?.subdomain,
  ]);
