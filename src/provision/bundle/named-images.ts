/** An image that objects run. */
export interface NamedImage {
  /** As it is written there. */
  reference: string;
  /** Nodes ask its registry at every start of a container, also when they have it. */
  isAlwaysPulled: boolean;
}

/** Images of all containers and volumes, wherever in an object a pod is described: in pods, templates, lists, and kinds of others. Each once. */
export const namedImages = (objects: readonly unknown[]): NamedImage[] => {
  const found = new Map<string, NamedImage>();
  const add = (reference: unknown, policy: unknown): void => {
    if (typeof reference !== 'string' || reference === '') return;
    const isAlwaysPulled = policy === 'Always' || (policy === undefined && isNewest(reference));
    found.set(reference, { reference, isAlwaysPulled: isAlwaysPulled || (found.get(reference)?.isAlwaysPulled ?? false) });
  };
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const each of value) visit(each);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    const fields = value as Record<string, unknown>;
    for (const container of CONTAINERS.flatMap((name) => recordsIn(fields[name]))) add(container['image'], container['imagePullPolicy']);
    for (const volume of recordsIn(fields['volumes'])) {
      const [image] = recordsIn([volume['image']]);
      add(image?.['reference'], image?.['pullPolicy']);
    }
    for (const each of Object.values(fields)) visit(each);
  };
  visit(objects);
  return [...found.values()].sort((one, other) => (one.reference < other.reference ? -1 : 1));
};

const CONTAINERS = ['initContainers', 'containers', 'ephemeralContainers'] as const;

const recordsIn = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter((each): each is Record<string, unknown> => typeof each === 'object' && each !== null) : [];

/** Without a tag, or `:latest`: what Kubernetes pulls always where nothing is said. */
const isNewest = (reference: string): boolean => {
  const name = reference.slice(reference.lastIndexOf('/') + 1);
  return !name.includes('@') && (!name.includes(':') || name.endsWith(':latest'));
};
