import type { KubeObject } from '../../api/meta/object.ts';
import type { Page } from './page.ts';

export interface EventLike extends KubeObject {
  type?: string;
  reason?: string;
  message?: string;
  count?: number;
  firstTimestamp?: string;
  lastTimestamp?: string;
  eventTime?: string;
  series?: { count?: number; lastObservedTime?: string };
  source?: { component?: string };
  reportingComponent?: string;
  involvedObject?: { fieldPath?: string };
}

export const eventTime = (event: EventLike): string =>
  event.lastTimestamp ?? event.eventTime ?? event.firstTimestamp ?? event.metadata.creationTimestamp ?? '';

/** Oldest first. */
export const describeEvents = (page: Page, events: readonly EventLike[]): void => {
  if (!events.length) {
    page.field('Events', '<none>');
    return;
  }
  page.line('Events:');
  page.table([
    ['Type', 'Reason', 'Age', 'From', 'Message'],
    ['----', '------', '----', '----', '-------'],
    ...events
      .toSorted((one, other) => (eventTime(one) < eventTime(other) ? -1 : 1))
      .map((event) => {
        const message = (event.message ?? '').trim();
        const part = event.involvedObject?.fieldPath;
        return [
          event.type ?? '',
          event.reason ?? '',
          ageOf(page, event),
          event.source?.component || event.reportingComponent || '',
          part ? `${part}: ${message}` : message,
        ];
      }),
  ]);
};

const ageOf = (page: Page, { eventTime: at, firstTimestamp, lastTimestamp, series, count = 1 }: EventLike): string => {
  const first = page.since(at ?? firstTimestamp);
  if (series) return `${page.since(series.lastObservedTime)} (x${series.count} over ${first})`;
  return count > 1 ? `${page.since(lastTimestamp)} (x${count} over ${first})` : first;
};
