import { age } from '../../api/meta/columns.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { renderYaml } from '../output/render-object.ts';
import { renderRows } from '../output/text-table.ts';

/** Events of an object, newest last. */
export interface EventLike extends KubeObject {
  type?: string;
  reason?: string;
  message?: string;
  count?: number;
  firstTimestamp?: string;
  lastTimestamp?: string;
  eventTime?: string;
  source?: { component?: string };
  reportingComponent?: string;
}

/** What `describe` prints: names and values, nested ones indented, conditions as a table, secrets hidden, events last. Pure. */
export const describeObject = (object: KubeObject, events: readonly EventLike[] | undefined, now: number): string => {
  const { metadata, kind } = object;
  const lines: string[] = [field('Name', metadata.name ?? '')];
  if (metadata.namespace) lines.push(field('Namespace', metadata.namespace));
  lines.push(pairsField('Labels', metadata.labels, '='));
  const { 'kubectl.kubernetes.io/last-applied-configuration': _, ...annotations } = metadata.annotations ?? {};
  lines.push(pairsField('Annotations', annotations, ': '));
  if (metadata.creationTimestamp)
    lines.push(field('CreationTimestamp', `${metadata.creationTimestamp} (${age(metadata.creationTimestamp, now)} ago)`));
  if (metadata.deletionTimestamp)
    lines.push(field('Terminating', `since ${metadata.deletionTimestamp} (grace ${metadata.deletionGracePeriodSeconds ?? 0}s)`));
  const owner = metadata.ownerReferences?.find((reference) => reference.controller);
  if (owner) lines.push(field('Controlled By', `${owner.kind}/${owner.name}`));
  for (const [name, value] of Object.entries(object)) {
    if (['apiVersion', 'kind', 'metadata'].includes(name)) continue;
    if (kind === 'Secret' && (name === 'data' || name === 'stringData')) lines.push(secretData(value as Record<string, string>));
    else if (kind === 'ConfigMap' && name === 'data') lines.push(configData(value as Record<string, string>));
    else if (name === 'spec' || name === 'status') lines.push(...section(name, value));
    else lines.push(`${title(name)}:\n${indent(nested(value))}`);
  }
  if (events) lines.push(eventsText(events, now));
  return `${lines.join('\n')}\n`;
};

const WIDTH = 20;
const field = (name: string, value: string): string => `${`${name}:`.padEnd(WIDTH)}${value}`;
const indent = (text: string): string => text.trimEnd().replace(/^(?=.)/gm, '  ');
const title = (name: string): string => name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replace(/^./, (char) => char.toUpperCase());
const nested = (value: unknown): string => (typeof value === 'object' && value !== null ? renderYaml(value) : `${String(value)}\n`);

const pairsField = (name: string, values: Readonly<Record<string, string>> | undefined, glue: string): string => {
  const entries = Object.entries(values ?? {}).sort(([one], [other]) => (one < other ? -1 : 1));
  if (!entries.length) return field(name, '<none>');
  return entries
    .map(([key, value], index) => (index === 0 ? field(name, key + glue + value) : ' '.repeat(WIDTH) + key + glue + value))
    .join('\n');
};

const section = (name: string, value: unknown): string[] => {
  const { conditions, ...rest } = value as Record<string, unknown> & { conditions?: Condition[] };
  const lines: string[] = [];
  for (const [key, item] of Object.entries(rest)) {
    if (item === null || item === undefined) continue;
    if (typeof item !== 'object') lines.push(field(title(key), String(item)));
    else if (Object.keys(item).length) lines.push(`${title(key)}:\n${indent(renderYaml(item))}`);
  }
  if (conditions?.length)
    lines.push(
      `Conditions:\n${indent(renderRows([['Type', 'Status', 'Reason', 'Message'], ...conditions.map((each) => [each.type, each.status, each.reason ?? '', each.message ?? ''])]))}`,
    );
  return lines.length ? lines : [field(title(name), '<none>')];
};

interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

const secretData = (data: Readonly<Record<string, string>>): string =>
  `Data:\n${Object.entries(data ?? {})
    .map(([key, value]) => `  ${key}:  ${Buffer.from(value, 'base64').length} bytes`)
    .join('\n')}`;

const configData = (data: Readonly<Record<string, string>>): string =>
  `Data:\n${Object.entries(data ?? {})
    .map(([key, value]) => `${key}:\n----\n${value}\n`)
    .join('\n')}`;

export const eventTime = (event: EventLike): string =>
  event.lastTimestamp ?? event.eventTime ?? event.firstTimestamp ?? event.metadata.creationTimestamp ?? '';

const eventsText = (events: readonly EventLike[], now: number): string => {
  if (!events.length) return field('Events', '<none>');
  const rows = events
    .toSorted((one, other) => (eventTime(one) < eventTime(other) ? -1 : 1))
    .map((event) => [
      event.type ?? '',
      event.reason ?? '',
      (event.count ?? 1) > 1 ? `${age(eventTime(event), now)} (x${event.count})` : age(eventTime(event), now),
      event.source?.component || event.reportingComponent || '',
      (event.message ?? '').trim(),
    ]);
  return `Events:\n${indent(renderRows([['Type', 'Reason', 'Age', 'From', 'Message'], ...rows]))}`;
};
