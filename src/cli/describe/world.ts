import type { KubeObject } from '../../api/meta/object.ts';

/** What describers read beside the object itself. */
export interface World {
  /** Objects of a built-in type (`pods`, `apps/replicasets`); what the reader may not see counts as not there. */
  list<T extends KubeObject>(type: string, where?: { namespace?: string; labels?: string; fields?: string }): Promise<T[]>;
  /** One object, or the reason why it cannot be had. */
  get<T extends KubeObject>(type: string, name: string, namespace?: string): Promise<T | Error>;
}
