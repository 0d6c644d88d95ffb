import { endpointSlice as slices } from '../../api/discovery/endpoint-slice.ts';
import { keyOf, type Stored } from '../../api/meta/object.ts';
import { hasReason, isNotFound } from '../../api/meta/status.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import type { OwnerReference } from '../../api/types/meta-v1.ts';
import type { InformerReads } from '../../client/informer/informer.ts';
import { type ControllerContext, type Watch, watchOf } from '../controller.ts';
import { Expectations } from '../expectations.ts';
import { isNamespaceGoing } from '../namespace-going.ts';
import { nameWithSuffix } from '../pods.ts';
import type { SliceMeta, SlicePlan } from './slice-plan.ts';

export const SERVICE_NAME = 'kubernetes.io/service-name';
export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';

/** Slices of one manager, and the writes to them. A plan made from a cache that lacks a slice made before would make it twice. */
export class SliceWriter {
  readonly #context: ControllerContext;
  readonly #manager: string;
  readonly #informer: InformerReads<EndpointSlice>;
  readonly #expectations: Expectations;

  constructor(context: ControllerContext, manager: string) {
    this.#context = context;
    this.#manager = manager;
    this.#informer = context.informers.of<EndpointSlice>(slices);
    this.#expectations = new Expectations(context.now);
    this.#informer.addIndex('managed service', (slice) => {
      const { labels = {}, namespace } = slice.metadata;
      return [`${labels[MANAGED_BY]} ${namespace}/${labels[SERVICE_NAME]}`];
    });
    const settle = (slice: Stored<EndpointSlice>): void => this.#expectations.settle(this.#serviceOf(slice), keyOf(slice));
    this.#informer.addHandler({ add: settle, delete: settle });
  }

  get watch(): Watch {
    return watchOf(this.#informer, (slice) => (slice.metadata.labels?.[MANAGED_BY] === this.#manager ? [this.#serviceOf(slice)] : []));
  }

  /** Undefined while the cache is known to be behind; the slice that is missing brings the key back. */
  existing(serviceKey: string): readonly Stored<EndpointSlice>[] | undefined {
    if (!this.#expectations.fulfilled(serviceKey)) return undefined;
    return this.#informer.byIndex('managed service', `${this.#manager} ${serviceKey}`);
  }

  async write(
    serviceKey: string,
    plan: SlicePlan,
    target: { namespace: string; prefix: string; owner: OwnerReference; meta: SliceMeta },
  ): Promise<void> {
    const { client, random } = this.#context;
    const { namespace, prefix, owner, meta } = target;
    await Promise.all([
      ...plan.update.map((slice) => client.update(slices, slice)),
      ...plan.create.map(async (slice) => {
        const generateName = `${prefix}-`;
        const name = nameWithSuffix(generateName, random);
        const key = `${namespace}/${name}`;
        this.#expectations.expect(serviceKey, key);
        try {
          await client.create<Stored<EndpointSlice>>(slices, {
            apiVersion: 'discovery.k8s.io/v1',
            kind: 'EndpointSlice',
            metadata: { namespace, name, generateName, ownerReferences: [owner], ...meta },
            ...slice,
          });
        } catch (error) {
          this.#expectations.settle(serviceKey, key);
          if (!isNamespaceGoing(error)) throw error;
        }
      }),
      ...plan.delete.map((slice) => this.#delete(slice)),
    ]);
  }

  #serviceOf(slice: Stored<EndpointSlice>): string {
    return `${slice.metadata.namespace}/${slice.metadata.labels?.[SERVICE_NAME]}`;
  }

  async #delete(slice: Stored<EndpointSlice>): Promise<void> {
    const { namespace, name = '', uid } = slice.metadata;
    try {
      await this.#context.client.delete(slices, { namespace, name }, { preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error) && !hasReason(error, 'Conflict')) throw error;
    }
  }
}
