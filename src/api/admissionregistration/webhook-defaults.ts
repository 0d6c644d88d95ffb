import type { MatchResources, RuleWithOperations, ValidatingWebhook } from '../types/admissionregistration-v1.ts';

const HTTPS_PORT = 443;
const TIMEOUT_SECONDS = 10;

const setRuleDefaults = (rule: RuleWithOperations): void => {
  rule.scope ??= '*';
};

/** For the webhooks of both configurations. */
export const setWebhookDefaults = (webhook: ValidatingWebhook): void => {
  webhook.failurePolicy ??= 'Fail';
  webhook.matchPolicy ??= 'Equivalent';
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= TIMEOUT_SECONDS;
  for (const rule of webhook.rules ?? []) setRuleDefaults(rule);
  if (webhook.clientConfig?.service) webhook.clientConfig.service.port ??= HTTPS_PORT;
};

/** For what admission policies match. */
export const setMatchDefaults = (match: MatchResources | undefined): void => {
  if (!match) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) setRuleDefaults(rule);
};
