import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseCron } from '../../../src/controllers/cronjob/cron-schedule.ts';

const following = (text: string, timeZone: string | undefined, after: string, count = 3): string[] => {
  const schedule = parseCron(text, timeZone);
  const times: string[] = [];
  for (let at = schedule.next(Date.parse(after)); at !== undefined && times.length < count; at = schedule.next(at))
    times.push(new Date(at).toISOString().replace(':00.000Z', 'Z'));
  return times;
};

describe('cron schedules', () => {
  const cases: [string, string | undefined, string, string[]][] = [
    ['*/15 * * * *', undefined, '2026-01-01T00:07:00Z', ['2026-01-01T00:15Z', '2026-01-01T00:30Z', '2026-01-01T00:45Z']],
    ['5/20 3 * * *', undefined, '2026-01-01T00:00:00Z', ['2026-01-01T03:05Z', '2026-01-01T03:25Z', '2026-01-01T03:45Z']],
    ['0 0 29 2 *', undefined, '2026-01-01T00:00:00Z', ['2028-02-29T00:00Z', '2032-02-29T00:00Z', '2036-02-29T00:00Z']],
    ['0 12 * jan,MAR mon-wed', undefined, '2026-01-27T13:00:00Z', ['2026-01-28T12:00Z', '2026-03-02T12:00Z', '2026-03-03T12:00Z']],
    ['@daily', 'Asia/Tokyo', '2026-05-01T00:00:00Z', ['2026-05-01T15:00Z', '2026-05-02T15:00Z', '2026-05-03T15:00Z']],
    // Neither day field is a star: either will do.
    ['0 0 1-2 * 1', undefined, '2026-06-01T12:00:00Z', ['2026-06-02T00:00Z', '2026-06-08T00:00Z', '2026-06-15T00:00Z']],
    // A star with a step is no star.
    ['0 0 */20 * 1', undefined, '2026-06-02T00:00:00Z', ['2026-06-08T00:00Z', '2026-06-15T00:00Z', '2026-06-21T00:00Z']],
    // Spring in New York, 8 March: 02:30 does not exist and is skipped.
    ['30 2 * * *', 'America/New_York', '2026-03-07T00:00:00Z', ['2026-03-07T07:30Z', '2026-03-09T06:30Z', '2026-03-10T06:30Z']],
    // Autumn, 1 November: 01:30 is there twice and runs twice.
    ['30 1 * * *', 'America/New_York', '2026-10-31T12:00:00Z', ['2026-11-01T05:30Z', '2026-11-01T06:30Z', '2026-11-02T06:30Z']],
    // Half an hour's change of clocks.
    ['0 3 * * *', 'Australia/Lord_Howe', '2026-10-02T20:00:00Z', ['2026-10-03T16:00Z', '2026-10-04T16:00Z', '2026-10-05T16:00Z']],
  ];
  for (const [text, zone, after, expected] of cases)
    test(`${text} ${zone ?? ''} after ${after}`, () => assert.deepEqual(following(text, zone, after), expected));

  for (const text of ['', '* * * *', '60 * * * *', '* * * * 7', '5-1 * * * *', '*/0 * * * *', '@often', 'a * * * *', '1-2-3 * * * *'])
    test(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => parseCron(text), RangeError));

  test('a date that never comes has no next', () => assert.equal(parseCron('0 0 31 2 *').next(0), undefined));
  test('an unknown time zone is refused', () => assert.throws(() => parseCron('* * * * *', 'Mars/Base'), RangeError));
});
