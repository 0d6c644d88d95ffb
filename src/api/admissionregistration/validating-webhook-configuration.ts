import { defineKind } from '../define-kind.ts';
import { ageColumn, as, cellOf, column } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { ValidatingWebhookConfiguration } from '../types/admissionregistration-v1.ts';
import { setWebhookDefaults } from './webhook-defaults.ts';
import { webhookErrors } from './webhook-validation.ts';

const setDefaults = (object: KubeObject): void => {
  for (const webhook of as<ValidatingWebhookConfiguration>(object).webhooks ?? []) setWebhookDefaults(webhook);
};

export const validatingWebhookConfiguration = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingWebhookConfiguration',
  plural: 'validatingwebhookconfigurations',
  categories: ['api-extensions'],
  namespaced: false,
  hasGeneration: true,
  setDefaults,
  validate: (object) => webhookErrors(as<ValidatingWebhookConfiguration>(object).webhooks),
  columns: [
    column(
      'Webhooks',
      cellOf<ValidatingWebhookConfiguration>(({ webhooks }) => webhooks?.length ?? 0),
      { type: 'integer' },
    ),
    ageColumn,
  ],
});
