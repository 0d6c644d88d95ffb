import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/meta/object.ts';

/** Called when the write is over: what was reserved for it is either in the stored object now or free again. */
export type Settle = () => void;

/** What a write of some kinds does beside the object itself: Services take addresses and ports. */
export interface KindHook {
  /** `group/plural`. */
  readonly resource: string;
  /** Before validation; may change the object. */
  beforeCreate?(object: KubeObject, dryRun: boolean): Promise<Settle | undefined>;
  beforeUpdate?(object: KubeObject, old: KubeObject, dryRun: boolean): Promise<Settle | undefined>;
}

export interface RegistryHooks {
  beforeCreate(kind: Kind, object: KubeObject, dryRun: boolean): Promise<Settle | undefined> | undefined;
  beforeUpdate(kind: Kind, object: KubeObject, old: KubeObject, dryRun: boolean): Promise<Settle | undefined> | undefined;
}

export const createHooks = (hooks: readonly KindHook[] = []): RegistryHooks => {
  const byResource = new Map(hooks.map((hook) => [hook.resource, hook]));
  return {
    beforeCreate: (kind, object, dryRun) => byResource.get(`${kind.group}/${kind.plural}`)?.beforeCreate?.(object, dryRun),
    beforeUpdate: (kind, object, old, dryRun) => byResource.get(`${kind.group}/${kind.plural}`)?.beforeUpdate?.(object, old, dryRun),
  };
};
