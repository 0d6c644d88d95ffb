import type { TextForm } from '../../base/text/text-form.ts';

/** Of clusters that are made without a file. */
export const DEFAULT_POOL = 'main';

export const MAX_NAME_LENGTH = 40;

/** Of clusters and nodes: names become host names, folders and parts of DNS names. */
export const NAME: TextForm = {
  pattern: `[a-z0-9]([a-z0-9-]{0,${MAX_NAME_LENGTH - 2}}[a-z0-9])?`,
  'x-is': `at most ${MAX_NAME_LENGTH} small letters, digits and hyphens between them, such as demo-2`,
};

/** The name of a node that has the place `number` in its pool. */
export const nodeName = (cluster: string, pool: string, number: number): string =>
  `${pool === DEFAULT_POOL ? cluster : `${cluster}-${pool}`}-${number}`;

/** The lowest that is free, which is taken from then on: the place of a node that was removed is taken again. */
export const freeNodeName = (taken: Set<string>, cluster: string, pool: string): string => {
  for (let number = 1; ; number++) {
    const name = nodeName(cluster, pool, number);
    if (taken.has(name)) continue;
    taken.add(name);
    return name;
  }
};
