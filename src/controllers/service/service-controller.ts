import { node as nodes } from '../../api/core/node.ts';
import { service as services } from '../../api/core/service.ts';
import { semanticEqual } from '../../api/meta/equality.ts';
import { keyOf, type Stored } from '../../api/meta/object.ts';
import { isNotFound } from '../../api/meta/status.ts';
import type { Node, Service } from '../../api/types/core-v1.ts';
import type { InformerReads } from '../../client/informer/informer.ts';
import type { CloudProvider } from '../cloud.ts';
import { type Controller, type ControllerContext, type Reconciler, watchOf } from '../controller.ts';
import { regarding } from '../event-recorder.ts';
import { balancerId, balancerSpec, CLEANUP_FINALIZER, hasFinalizer, wantsBalancer } from './service-decide.ts';

/**
 * Services of type LoadBalancer get a balancer of the cloud. Without a cloud it does nothing.
 *
 *   wanted --finalizer--> ensured --type changed, or deleted--> removed --no finalizer--> gone
 */
export const serviceController: Controller = {
  name: 'service',
  serviceAccount: 'service-controller',
  // A call to a cloud takes seconds; it also limits how many come at a time.
  workers: 4,
  build: (context) =>
    context.config.cloud ? new ServiceBalancers(context, context.config.cloud) : { watches: [], sync: async () => undefined },
};

class ServiceBalancers implements Reconciler {
  readonly watches: Reconciler['watches'];
  readonly #context: ControllerContext;
  readonly #cloud: CloudProvider;
  readonly #services: InformerReads<Service>;
  readonly #nodes: InformerReads<Node>;
  /** What each balancer was last brought to, so that heartbeats of nodes cost no calls. */
  readonly #ensured = new Map<string, unknown>();

  constructor(context: ControllerContext, cloud: CloudProvider) {
    this.#context = context;
    this.#cloud = cloud;
    this.#services = context.informers.of<Service>(services);
    this.#nodes = context.informers.of<Node>(nodes);
    const concerned = (): string[] => this.#services.list().filter(wantsBalancer).map(keyOf);
    this.watches = [
      watchOf(this.#services, (service) => (wantsBalancer(service) || hasFinalizer(service) ? [keyOf(service)] : [])),
      watchOf(this.#nodes, concerned),
    ];
  }

  async sync(key: string): Promise<undefined> {
    const service = this.#services.get(key);
    if (!service) {
      this.#ensured.delete(key);
      return;
    }
    if (wantsBalancer(service)) await this.#ensure(key, service);
    else if (hasFinalizer(service)) await this.#remove(key, service);
  }

  async #ensure(key: string, service: Stored<Service>): Promise<void> {
    const { events } = this.#context;
    const about = regarding(services, service);
    const wanted = balancerSpec(service, this.#nodes.list());
    if ('problem' in wanted) {
      events.record(about, 'Warning', 'SyncLoadBalancerFailed', `Error syncing load balancer: ${wanted.problem}`);
      return;
    }
    const isNew = !hasFinalizer(service);
    if (!isNew && semanticEqual(this.#ensured.get(key), wanted)) return;
    // Before it is made: whatever happens, the Service cannot go without its balancer.
    if (isNew) await this.#patch(service, { metadata: { finalizers: [...(service.metadata.finalizers ?? []), CLEANUP_FINALIZER] } });
    events.record(about, 'Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer');
    try {
      const ingress = await this.#cloud.ensureBalancer(wanted);
      if (!semanticEqual(service.status?.loadBalancer?.ingress, ingress))
        await this.#patch(service, { status: { loadBalancer: { ingress } } });
    } catch (error) {
      events.record(about, 'Warning', 'SyncLoadBalancerFailed', `Error syncing load balancer: ${messageOf(error)}`);
      throw error;
    }
    this.#ensured.set(key, wanted);
    events.record(about, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer');
  }

  async #remove(key: string, service: Stored<Service>): Promise<void> {
    const { events } = this.#context;
    const about = regarding(services, service);
    events.record(about, 'Normal', 'DeletingLoadBalancer', 'Deleting load balancer');
    try {
      await this.#cloud.removeBalancer(balancerId(service.metadata.uid ?? ''));
    } catch (error) {
      events.record(about, 'Warning', 'DeleteLoadBalancerFailed', `Error deleting load balancer: ${messageOf(error)}`);
      throw error;
    }
    this.#ensured.delete(key);
    events.record(about, 'Normal', 'DeletedLoadBalancer', 'Deleted load balancer');
    const finalizers = service.metadata.finalizers?.filter((name) => name !== CLEANUP_FINALIZER);
    await this.#patch(service, { metadata: { finalizers }, status: { loadBalancer: { ingress: null } } });
  }

  /** Through status, as upstream: a role that may not touch what the Service asks for is enough. */
  async #patch(service: Stored<Service>, patch: { metadata?: object; status?: object }): Promise<void> {
    const { namespace, name = '', uid, resourceVersion } = service.metadata;
    // A list that is replaced must be the one that was read.
    const guard = patch.metadata ? { uid, resourceVersion } : { uid };
    await this.#context.client
      .patch(
        services,
        { namespace, name, subresource: 'status' },
        { ...patch, metadata: { ...patch.metadata, ...guard } },
        { type: 'application/merge-patch+json' },
      )
      .catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
