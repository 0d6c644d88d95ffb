import { event as coreEvent } from '../core/event.ts';
import { defineKind } from '../define-kind.ts';
import type { KubeObject } from '../meta/object.ts';

/** Names here and in core/v1, where events are stored. */
const RENAMED: readonly (readonly [here: string, core: string])[] = [
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
];
const TO_CORE = new Map(RENAMED);
const FROM_CORE = new Map(RENAMED.map(([here, core]) => [core, here]));

const renamed = (object: KubeObject, names: ReadonlyMap<string, string>, apiVersion: string): KubeObject => {
  const result: KubeObject = { apiVersion, kind: 'Event', metadata: object.metadata };
  for (const [field, value] of Object.entries(object)) if (!(field in result)) result[names.get(field) ?? field] = value;
  return result;
};

const toStorage = (object: KubeObject): KubeObject => renamed(object, TO_CORE, 'v1');

const fieldHere = (field: string): string =>
  field.replace('involvedObject', 'regarding').replace('reportingComponent', 'reportingController');

export const event = defineKind({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  namespaced: true,
  storageGroup: '',
  toStorage,
  fromStorage: (object) => renamed(object, FROM_CORE, 'events.k8s.io/v1'),
  selectableFields: Object.fromEntries(
    Object.entries(coreEvent.selectableFields).map(([field, read]) => [fieldHere(field), (object: KubeObject) => read(toStorage(object))]),
  ),
  storedFieldNames: Object.fromEntries(Object.keys(coreEvent.selectableFields).map((field) => [fieldHere(field), field])),
  columnsAreWholeRow: true,
  columns: coreEvent.columns.map((shown) => ({ ...shown, cell: (object: KubeObject, now: number) => shown.cell(toStorage(object), now) })),
});
