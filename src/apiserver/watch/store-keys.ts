import type { ItemTarget } from './watch-cache.ts';

/** Where objects lie in the store: `/registry/<group or core>/<plural>/[<namespace>/]<name>`. */
export const STORE_ROOT = '/registry/';

export const storePrefix = (kind: { group: string; plural: string }): string => `${STORE_ROOT}${kind.group || 'core'}/${kind.plural}/`;

/** The part of the key after the resource's prefix; keys sort by it. */
export const itemKey = (target: ItemTarget): string => (target.namespace ? `${target.namespace}/${target.name}` : target.name);
