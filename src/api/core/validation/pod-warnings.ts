import type { KubeObject } from '../../meta/object.ts';
import type { PodSpec } from '../../types/core-v1.ts';

interface Template {
  spec?: PodSpec & { template?: { spec?: PodSpec } };
}

/** Lines for the `Warning:` header about what is valid and yet hardly meant. */
const warningsOf = (at: string, spec: PodSpec | undefined): string[] => {
  const found: string[] = [];
  for (const [index, constraint] of (spec?.topologySpreadConstraints ?? []).entries())
    if (!constraint.labelSelector)
      found.push(`${at}.topologySpreadConstraints[${index}].labelSelector: a null labelSelector results in matching no pod`);
  for (const field of ['containers', 'initContainers'] as const)
    for (const [index, { env = [] }] of (spec?.[field] ?? []).entries()) {
      const names = new Set<string>();
      for (const [position, { name }] of env.entries()) {
        if (names.has(name))
          found.push(
            `${at}.${field}[${index}].env[${position}]: hides previous definition of "${name}", which may be dropped when using apply`,
          );
        names.add(name);
      }
    }
  return found;
};

export const podWarnings = (object: KubeObject): string[] => warningsOf('spec', (object as Template).spec);

export const templateWarnings = (object: KubeObject): string[] =>
  warningsOf('spec.template.spec', (object as Template).spec?.template?.spec);
