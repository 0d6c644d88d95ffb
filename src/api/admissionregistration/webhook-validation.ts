import { CelError, CONDITION_VARIABLES, compileCel } from '../cel/cel-program.ts';
import { duplicate, type FieldError, invalid, notSupported, required, tooMany } from '../meta/field-error.ts';
import { qualifiedNameProblems } from '../meta/names.ts';
import type { MatchCondition, RuleWithOperations, ValidatingWebhook } from '../types/admissionregistration-v1.ts';

const SIDE_EFFECTS = ['None', 'NoneOnDryRun'];
const REVIEW_VERSIONS = ['v1', 'v1beta1'];
const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const MOST_CONDITIONS = 64;
const MOST_TIMEOUT_SECONDS = 30;

/** One expression that must compile; `variables` are the names that it may use. */
export const expressionErrors = (
  expression: string | undefined,
  field: string,
  { variables, result }: { variables: readonly string[]; result?: 'bool' | 'string' },
): FieldError[] => {
  if (!expression?.trim()) return [required(field)];
  try {
    compileCel(expression, variables, result);
    return [];
  } catch (error) {
    if (!(error instanceof CelError)) throw error;
    const why = error.message.startsWith('must evaluate') ? error.message : `compilation failed: ERROR: <input>:1:1: ${error.message}`;
    return [invalid(field, expression, why)];
  }
};

export const matchConditionErrors = (
  conditions: readonly MatchCondition[] | undefined,
  field: string,
  variables: readonly string[] = CONDITION_VARIABLES,
): FieldError[] => {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  if ((conditions?.length ?? 0) > MOST_CONDITIONS) errors.push(tooMany(field, conditions?.length ?? 0, MOST_CONDITIONS));
  for (const [at, { name, expression }] of (conditions ?? []).entries()) {
    errors.push(...expressionErrors(expression, `${field}[${at}].expression`, { variables, result: 'bool' }));
    if (!name) errors.push(required(`${field}[${at}].name`));
    else for (const problem of qualifiedNameProblems(name)) errors.push(invalid(`${field}[${at}].name`, name, problem));
    if (name && names.has(name)) errors.push(duplicate(`${field}[${at}].name`, name));
    names.add(name);
  }
  return errors;
};

export const ruleErrors = (rules: readonly RuleWithOperations[] | undefined, field: string): FieldError[] =>
  (rules ?? []).flatMap((rule, at) => {
    const errors: FieldError[] = [];
    const place = `${field}[${at}]`;
    for (const name of ['apiGroups', 'apiVersions', 'resources', 'operations'] as const) {
      const values = rule[name] ?? [];
      if (values.length === 0) errors.push(required(`${place}.${name}`));
      if (name !== 'resources' && values.length > 1 && values.includes('*'))
        errors.push(invalid(`${place}.${name}`, values, "if '*' is present, must not specify other values"));
    }
    for (const [index, operation] of (rule.operations ?? []).entries())
      if (!OPERATIONS.includes(operation)) errors.push(notSupported(`${place}.operations[${index}]`, operation, OPERATIONS));
    return errors;
  });

/** What is wrong with the webhooks of either kind of configuration. */
export const webhookErrors = (webhooks: readonly ValidatingWebhook[] | undefined): FieldError[] => {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [at, webhook] of (webhooks ?? []).entries()) {
    const field = `webhooks[${at}]`;
    const { name, clientConfig, timeoutSeconds, sideEffects, admissionReviewVersions: versions } = webhook;
    if (!name || name.split('.').length < 3)
      errors.push(invalid(`${field}.name`, name ?? '', 'should be a domain with at least three segments separated by dots'));
    if (name && names.has(name)) errors.push(duplicate(`${field}.name`, name));
    names.add(name);
    errors.push(...ruleErrors(webhook.rules, `${field}.rules`));
    if (!sideEffects) errors.push(required(`${field}.sideEffects`, `must specify one of ${SIDE_EFFECTS.join(', ')}`));
    else if (!SIDE_EFFECTS.includes(sideEffects)) errors.push(notSupported(`${field}.sideEffects`, sideEffects, SIDE_EFFECTS));
    if (timeoutSeconds !== undefined && (timeoutSeconds > MOST_TIMEOUT_SECONDS || timeoutSeconds < 1))
      errors.push(invalid(`${field}.timeoutSeconds`, timeoutSeconds, 'the timeout value must be between 1 and 30 seconds'));
    if ((clientConfig?.url === undefined) === (clientConfig?.service === undefined))
      errors.push(required(`${field}.clientConfig`, 'exactly one of url or service is required'));
    else if (clientConfig?.url !== undefined && !/^https:\/\/[^/]+/.test(clientConfig.url))
      errors.push(
        invalid(
          `${field}.clientConfig.url`,
          clientConfig.url,
          "'https' is the only allowed URL scheme; desired format: https://host[/path]",
        ),
      );
    errors.push(...matchConditionErrors(webhook.matchConditions, `${field}.matchConditions`));
    if (!versions?.length) errors.push(required(`${field}.admissionReviewVersions`, `must specify one of ${REVIEW_VERSIONS.join(', ')}`));
    else if (!versions.some((version) => REVIEW_VERSIONS.includes(version)))
      errors.push(invalid(`${field}.admissionReviewVersions`, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`));
  }
  return errors;
};
