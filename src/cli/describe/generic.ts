import type { KubeObject } from '../../api/meta/object.ts';
import type { Page } from './page.ts';

/** Any type: head, then every field by its name. */
export const describeAnything = (page: Page, object: KubeObject): void => {
  const { metadata, ...rest } = object;
  const { name, namespace, labels, annotations, managedFields: _, ...more } = metadata;
  page.field('Name', name);
  page.field('Namespace', namespace);
  page.labels('Labels', labels);
  page.annotations(annotations);
  describeFields(page, { ...rest, metadata: more }, 0);
};

const describeFields = (page: Page, fields: object, level: number): void => {
  for (const [name, value] of Object.entries(fields).sort(([one], [other]) => (one < other ? -1 : 1))) {
    if (typeof value !== 'object' || value === null) {
      page.field(titleOf(name), value, level);
      continue;
    }
    page.line(`${titleOf(name)}:`, level);
    if (!Array.isArray(value)) describeFields(page, value, level + 1);
    else
      for (const item of value)
        if (typeof item === 'object' && item !== null) describeFields(page, item, level + 1);
        else page.line(String(item), level + 1);
  }
};

/** `apiVersion` -> `API Version`, `podIPs` -> `Pod I Ps`, as kubectl splits; names with other characters stay. */
const titleOf = (name: string): string => {
  if (!/^[\p{L}-]+$/u.test(name)) return name;
  const words = name.match(/\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+|-+/gu) ?? [name];
  return words
    .map((word) => (/^(api|url|uid|guid)$/i.test(word) ? word.toUpperCase() : word.charAt(0).toUpperCase() + word.slice(1)))
    .join(' ');
};
