import type { KubeObject } from '../api/meta/object.ts';
import { pathOf } from '../api/meta/object.ts';
import type { ApiRequest } from '../api/transport.ts';
import { SlipwayError } from '../base/errors/slipway-error.ts';
import type { Flags, Values } from './args/flags.ts';
import { BaseCommand, COMMON_FLAGS } from './base-command.ts';
import { followCluster } from './kube/follow-cluster.ts';
import type { Resource } from './kube/resource-catalog.ts';
import { KUBE_FLAGS, openSession, type Session } from './kube/session.ts';

const BASE_FLAGS = { ...COMMON_FLAGS, ...KUBE_FLAGS } as const;

/** A command that talks to a cluster: adds kubectl's global flags and the session that they describe. */
export abstract class KubeCommand<F extends Flags = Flags> extends BaseCommand<F> {
  static override baseFlags: Flags = BASE_FLAGS;
  #session: Session | undefined;

  protected async session(): Promise<Session> {
    this.#session ??= await openSession(this.flags as unknown as Values<typeof BASE_FLAGS>, this.io);
    return this.#session;
  }

  protected async send<T = KubeObject>(request: ApiRequest): Promise<T> {
    return (await (await this.session()).transport.send(request)).body as T;
  }

  /** One object. */
  protected async read<T = KubeObject>(resource: Resource, name: string, namespace?: string): Promise<T> {
    const session = await this.session();
    const target = { namespace: resource.namespaced ? (namespace ?? session.namespace) : undefined, name };
    return (await session.transport.send({ method: 'GET', path: pathOf(resource, target) })).body as T;
  }

  /** The API server may be elsewhere now: for clusters that Slipway made, it is found again. */
  override async recover(error: unknown): Promise<boolean> {
    const isLost = error instanceof SlipwayError && error.code === 'CONNECTION_REFUSED';
    return isLost && this.#session !== undefined && followCluster(this.#session.contextName, this.io);
  }

  override async close(): Promise<void> {
    await this.#session?.close();
  }
}
