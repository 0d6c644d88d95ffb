import type { LabelSelector } from '../api/types/meta-v1.ts';

type Labels = Readonly<Record<string, string>> | undefined;

/** A selector that is absent matches nothing, an empty one everything. An unknown operator matches nothing. */
export const selects = (selector: LabelSelector | undefined, labels: Labels): boolean => {
  if (!selector) return false;
  if (!selectsAll(selector.matchLabels ?? {}, labels)) return false;
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels?.[key];
    switch (operator) {
      case 'In':
        return value !== undefined && values.includes(value);
      case 'NotIn':
        return value === undefined || !values.includes(value);
      case 'Exists':
        return value !== undefined;
      case 'DoesNotExist':
        return value === undefined;
      default:
        return false;
    }
  });
};

/** The old form, of Services and ReplicationControllers. */
export const selectsAll = (wanted: Readonly<Record<string, string>>, labels: Labels): boolean =>
  Object.entries(wanted).every(([name, value]) => labels?.[name] === value);

export const isEmptySelector = (selector: LabelSelector | undefined): boolean =>
  !selector || (Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0);
