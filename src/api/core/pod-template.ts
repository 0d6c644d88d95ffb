import { defineKind } from '../define-kind.ts';
import { as, cellOf, column, labelsCell } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { PodTemplate } from '../types/core-v1.ts';
import { setPodSpecDefaults } from './pod-defaults.ts';

const setDefaults = (object: KubeObject): void => {
  const { template } = as<PodTemplate>(object);
  if (template?.spec) setPodSpecDefaults(template.spec);
};

export const podTemplate = defineKind({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  plural: 'podtemplates',
  namespaced: true,
  hasGeneration: true,
  setDefaults,
  columns: [
    column(
      'Containers',
      cellOf<PodTemplate>(({ template }) => (template?.spec?.containers ?? []).map(({ name }) => name).join(',')),
    ),
    column(
      'Images',
      cellOf<PodTemplate>(({ template }) => (template?.spec?.containers ?? []).map(({ image }) => image ?? '').join(',')),
    ),
    column(
      'Pod Labels',
      cellOf<PodTemplate>(({ template }) => labelsCell(template?.metadata?.labels)),
    ),
  ],
});
