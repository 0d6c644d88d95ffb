import { defineKind } from '../define-kind.ts';
import { ageColumn, as, cellOf, column } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { Secret } from '../types/core-v1.ts';
import { validateSecret, validateSecretUpdate } from './validation/configuration.ts';

/** `stringData` is only a way to write `data`. */
const setDefaults = (object: KubeObject): void => {
  const secret = as<Secret>(object);
  secret.type ||= 'Opaque';
  if (!secret.stringData) return;
  const data: Record<string, string> = { ...secret.data };
  for (const [key, value] of Object.entries(secret.stringData)) data[key] = Buffer.from(value).toString('base64');
  secret.data = data;
  delete secret.stringData;
};

export const secret = defineKind({
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  namespaced: true,
  setDefaults,
  selectableFields: { type: (object) => as<Secret>(object).type ?? '' },
  validate: validateSecret,
  validateUpdate: validateSecretUpdate,
  columns: [
    column(
      'Type',
      cellOf<Secret>(({ type }) => type ?? ''),
    ),
    column(
      'Data',
      cellOf<Secret>(({ data }) => String(Object.keys(data ?? {}).length)),
    ),
    ageColumn,
  ],
});
