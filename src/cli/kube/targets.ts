import { CommandError, UsageError } from '../errors.ts';
import type { Resource, ResourceCatalog } from './resource-catalog.ts';

/** What words on the command line name: one object, or all of a type. */
export interface TargetRef {
  resource: Resource;
  name: string | undefined;
}

/**
 * `TYPE`, `TYPE1,TYPE2`, `TYPE NAME...`, `TYPE/NAME ...` as kubectl reads them. Throws UsageError for a wrong form and CommandError
 * for a type that does not exist.
 */
export const parseTargets = async (words: readonly string[], catalog: ResourceCatalog): Promise<TargetRef[]> => {
  if (words.some((word) => word.includes('/'))) return parseSlashed(words, catalog);
  const [types = '', ...names] = words;
  const refs: TargetRef[] = [];
  for (const type of types.split(',')) {
    if (type === '') throw new UsageError(`arguments in resource/name form may not have more than one slash`);
    const category = await catalog.byCategory(type);
    if (category && names.length)
      throw new CommandError(`a resource cannot be retrieved by name across all resources of the category "${type}"`);
    for (const resource of category ?? [await catalog.byArgument(type)])
      if (names.length) refs.push(...names.map((name) => ({ resource, name })));
      else refs.push({ resource, name: undefined });
  }
  return refs;
};

const parseSlashed = async (words: readonly string[], catalog: ResourceCatalog): Promise<TargetRef[]> => {
  const refs: TargetRef[] = [];
  for (const word of words) {
    const parts = word.split('/');
    if (parts.length === 1)
      throw new UsageError(
        `there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'slipway get resource/<resource_name>' instead of 'slipway get resource resource/<resource_name>')`,
      );
    const [type, name] = parts;
    if (parts.length > 2 || !type || !name) throw new UsageError(`arguments in resource/name form must have a single resource and name`);
    refs.push({ resource: await catalog.byArgument(type), name });
  }
  return refs;
};
