import { defineKind } from '../define-kind.ts';
import { age, as, cellOf, column, nameColumn, wideColumn } from '../meta/columns.ts';
import type { Event } from '../types/core-v1.ts';
import { validateEvent } from './validation/cluster.ts';

const source = cellOf<Event>((event) => {
  const component = event.source?.component || event.reportingComponent || '';
  const instance = event.source?.host || event.reportingInstance || '';
  return instance ? `${component}, ${instance}` : component;
});

const firstSeen = cellOf<Event>(({ firstTimestamp, eventTime }, now) => age(firstTimestamp ?? eventTime, now));

const lastSeen = cellOf<Event>(({ firstTimestamp, lastTimestamp, eventTime, series }, now) =>
  age(series?.lastObservedTime ?? lastTimestamp ?? firstTimestamp ?? eventTime, now),
);

const involved = cellOf<Event>(({ involvedObject: { kind = '', name } }) => (name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase()));

export const event = defineKind({
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  namespaced: true,
  selectableFields: {
    'involvedObject.kind': (object) => as<Event>(object).involvedObject?.kind ?? '',
    'involvedObject.namespace': (object) => as<Event>(object).involvedObject?.namespace ?? '',
    'involvedObject.name': (object) => as<Event>(object).involvedObject?.name ?? '',
    'involvedObject.uid': (object) => as<Event>(object).involvedObject?.uid ?? '',
    'involvedObject.apiVersion': (object) => as<Event>(object).involvedObject?.apiVersion ?? '',
    'involvedObject.resourceVersion': (object) => as<Event>(object).involvedObject?.resourceVersion ?? '',
    'involvedObject.fieldPath': (object) => as<Event>(object).involvedObject?.fieldPath ?? '',
    reason: (object) => as<Event>(object).reason ?? '',
    reportingComponent: (object) => as<Event>(object).reportingComponent || as<Event>(object).source?.component || '',
    source: (object) => as<Event>(object).source?.component || as<Event>(object).reportingComponent || '',
    type: (object) => as<Event>(object).type ?? '',
  },
  columnsAreWholeRow: true,
  validate: validateEvent,
  columns: [
    column('Last Seen', lastSeen),
    column(
      'Type',
      cellOf<Event>(({ type }) => type ?? ''),
    ),
    column(
      'Reason',
      cellOf<Event>(({ reason }) => reason ?? ''),
    ),
    column('Object', involved),
    wideColumn(
      'Subobject',
      cellOf<Event>(({ involvedObject }) => involvedObject.fieldPath ?? ''),
    ),
    wideColumn('Source', source),
    column(
      'Message',
      cellOf<Event>(({ message }) => (message ?? '').trim()),
    ),
    wideColumn('First Seen', firstSeen),
    wideColumn(
      'Count',
      cellOf<Event>(({ count, series }) => series?.count || count || 1),
    ),
    { ...nameColumn, priority: 1 },
  ],
});
