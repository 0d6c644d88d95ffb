import { defineKind } from '../define-kind.ts';
import { ageColumn, as, cellOf, column } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { MutatingWebhookConfiguration } from '../types/admissionregistration-v1.ts';
import { setWebhookDefaults } from './webhook-defaults.ts';
import { webhookErrors } from './webhook-validation.ts';

const setDefaults = (object: KubeObject): void => {
  for (const webhook of as<MutatingWebhookConfiguration>(object).webhooks ?? []) {
    setWebhookDefaults(webhook);
    webhook.reinvocationPolicy ??= 'Never';
  }
};

export const mutatingWebhookConfiguration = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingWebhookConfiguration',
  plural: 'mutatingwebhookconfigurations',
  categories: ['api-extensions'],
  namespaced: false,
  hasGeneration: true,
  setDefaults,
  validate: (object) => webhookErrors(as<MutatingWebhookConfiguration>(object).webhooks),
  columns: [
    column(
      'Webhooks',
      cellOf<MutatingWebhookConfiguration>(({ webhooks }) => webhooks?.length ?? 0),
      { type: 'integer' },
    ),
    ageColumn,
  ],
});
