import { defineKind } from '../define-kind.ts';
import { as, column } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { LimitRange } from '../types/core-v1.ts';
import { validateLimitRange } from './validation/cluster.ts';

/** For containers: a maximum is the default limit, a limit the default request, a minimum the default request of what has none. */
const setDefaults = (object: KubeObject): void => {
  for (const item of as<LimitRange>(object).spec?.limits ?? []) {
    if (item.type !== 'Container') continue;
    item.default = { ...item.max, ...item.default };
    item.defaultRequest = { ...item.min, ...item.default, ...item.defaultRequest };
  }
};

export const limitRange = defineKind({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  plural: 'limitranges',
  shortNames: ['limits'],
  namespaced: true,
  setDefaults,
  validate: validateLimitRange,
  columns: [column('Created At', (object) => object.metadata.creationTimestamp ?? '', { type: 'date' })],
});
