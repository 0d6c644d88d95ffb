import type { Kind } from '../../api/kind.ts';
import { type FieldError, forbidden, invalidObject, notSupported } from '../../api/meta/field-error.ts';
import { parseFieldSelector, parseLabelSelector } from '../../api/meta/selector.ts';
import { badRequest } from '../../api/meta/status.ts';
import type { FieldRequirement, ItemFilter } from '../watch/watch-cache.ts';
import type { ApiCall } from './call.ts';

export interface CheckedListOptions {
  resourceVersion: string | undefined;
  resourceVersionMatch: 'Exact' | 'NotOlderThan' | undefined;
  limit: number | undefined;
  continue: string | undefined;
  sendInitialEvents: boolean | undefined;
}

/** The list options of a query, checked as upstream checks them. Throws 422. */
export const checkListOptions = (call: ApiCall, isWatch: boolean): CheckedListOptions => {
  const { query } = call;
  const resourceVersion = query.get('resourceVersion') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  const next = query.get('continue') ?? '';
  const initial = query.get('sendInitialEvents');
  if (match !== '' || initial !== null) {
    const errors = isWatch ? watchErrors(match, initial) : listErrors({ match, initial, resourceVersion, next });
    if (errors.length) throw invalidObject({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
  }
  const limitText = query.get('limit') ?? '0';
  if (!/^-?\d+$/.test(limitText)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(limitText)}: invalid syntax`);
  const limit = Number(limitText);
  return {
    resourceVersion: resourceVersion || undefined,
    resourceVersionMatch: (match || undefined) as CheckedListOptions['resourceVersionMatch'],
    limit: limit > 0 ? limit : undefined,
    continue: next || undefined,
    sendInitialEvents: initial === null ? undefined : initial === 'true' || initial === '1',
  };
};

const MATCH = 'resourceVersionMatch';

const watchErrors = (match: string, initial: string | null): FieldError[] => {
  const errors: FieldError[] = [];
  if (match !== '' && initial === null)
    errors.push(forbidden(MATCH, `${MATCH} is forbidden for watch unless sendInitialEvents is provided`));
  if (initial !== null && match !== 'NotOlderThan')
    errors.push(forbidden(MATCH, `sendInitialEvents requires setting ${MATCH} to NotOlderThan`));
  return errors;
};

const listErrors = (given: { match: string; initial: string | null; resourceVersion: string; next: string }): FieldError[] => {
  const errors: FieldError[] = [];
  if (given.match !== '') {
    if (given.resourceVersion === '') errors.push(forbidden(MATCH, `${MATCH} is forbidden unless resourceVersion is provided`));
    if (given.next !== '') errors.push(forbidden(MATCH, `${MATCH} is forbidden when continue is provided`));
    if (given.match !== 'Exact' && given.match !== 'NotOlderThan')
      errors.push(notSupported(MATCH, given.match, ['Exact', 'NotOlderThan', '']));
    else if (given.match === 'Exact' && given.resourceVersion === '0')
      errors.push(forbidden(MATCH, `${MATCH} "exact" is forbidden for resourceVersion "0"`));
  }
  if (given.initial !== null) errors.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  return errors;
};

/** Namespace and selectors of a list or watch. Throws 400 for what cannot be parsed or is not selectable. */
export const filterOf = (call: ApiCall): ItemFilter => {
  const { kind, info, query } = call;
  const labelText = query.get('labelSelector') ?? '';
  const fieldText = query.get('fieldSelector') ?? '';
  const filter: ItemFilter = { namespace: kind.namespaced && info.namespace ? info.namespace : undefined };
  if (labelText) filter.labels = parseLabelSelector(labelText);
  let fields: FieldRequirement[] | undefined;
  if (fieldText) {
    fields = [...parseFieldSelector(fieldText)];
    for (const { name } of fields)
      if (name !== 'metadata.name' && !(name === 'metadata.namespace' && kind.namespaced) && !(name in kind.selectableFields))
        throw badRequest(unknownField(kind, name));
    fields = fields.map((field) => ({ ...field, name: kind.storedFieldNames?.[field.name] ?? field.name }));
  }
  // `GET .../watch/pods/web` of old names its object in the path.
  if (info.name && !fieldText && (info.verb === 'watch' || info.verb === 'list'))
    fields = [{ name: 'metadata.name', operator: '=', value: info.name }];
  if (fields) filter.fields = fields;
  return filter;
};

/** Kinds with fields of their own say only that this is none of them. */
const unknownField = (kind: Kind, name: string): string =>
  Object.keys(kind.selectableFields).length > 0
    ? `field label not supported: ${name}`
    : `${JSON.stringify(name)} is not a known field selector: only "metadata.name", "metadata.namespace"`;
