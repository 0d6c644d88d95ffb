import type { Column } from '../kind.ts';
import { as, cellOf, wideColumn } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { RoleBinding } from '../types/rbac-v1.ts';

const GROUP = 'rbac.authorization.k8s.io';

/** Role references and subjects name their group. */
export const setBindingDefaults = (object: KubeObject): void => {
  const binding = as<RoleBinding>(object);
  if (binding.roleRef) binding.roleRef.apiGroup ||= GROUP;
  for (const subject of binding.subjects ?? []) if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= GROUP;
};

const subjectsOf = (kind: string) =>
  cellOf<RoleBinding>(({ subjects }) =>
    (subjects ?? [])
      .filter((subject) => subject.kind === kind)
      .map(({ namespace, name }) => (kind === 'ServiceAccount' ? `${namespace}/${name}` : name))
      .join(', '),
  );

export const subjectColumns: readonly Column[] = [
  wideColumn('Users', subjectsOf('User')),
  wideColumn('Groups', subjectsOf('Group')),
  wideColumn('ServiceAccounts', subjectsOf('ServiceAccount')),
];
