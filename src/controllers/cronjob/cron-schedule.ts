/**
 * Cron expressions with the semantics of robfig/cron v3, which CronJobs are defined by: five fields, names, steps and the
 * `@daily` family; day of month and day of week are both to match where one of them is a star, and either otherwise. A time
 * matches when the clock on the wall shows it: at the spring change 02:30 is skipped, in autumn 01:30 comes twice.
 */
export interface CronSchedule {
  /** The first matching minute after `after` (both in milliseconds since the epoch); undefined when none comes within five years. */
  next(after: number): number | undefined;
}

/** Throws RangeError for what is not a schedule or not a time zone. `timeZone` is an IANA name; default UTC. */
export const parseCron = (text: string, timeZone = 'UTC'): CronSchedule => {
  const wallClock = wallClockOf(timeZone);
  const every = /^@every (.+)$/.exec(text.trim());
  if (every) return everyInterval(every[1] as string);
  const expanded = MACROS[text.trim()] ?? text.trim();
  if (expanded.startsWith('@')) throw new RangeError(`unrecognized descriptor: ${text}`);
  const parts = expanded.split(/\s+/);
  if (parts.length !== 5) throw new RangeError(`expected exactly 5 fields, found ${parts.length}: ${text}`);
  const fields = FIELDS.map((field, index) => parseField(parts[index] as string, field));
  const [minutes, hours, days, months, weekdays] = fields as [Field, Field, Field, Field, Field];
  const dayMatches = (time: WallTime): boolean => {
    const byDate = days.values.has(time.day);
    const byWeekday = weekdays.values.has(time.weekday);
    return days.isStar || weekdays.isStar ? byDate && byWeekday : byDate || byWeekday;
  };
  return {
    next(after) {
      let at = Math.floor(after / MINUTE) * MINUTE + MINUTE;
      const limit = after + 5 * 366 * 24 * HOUR;
      while (at <= limit) {
        const time = wallClock(at);
        const toNextHour = (60 - time.minute) * MINUTE;
        // Whole days are skipped up to their last hours, which change with the clocks.
        if (!months.values.has(time.month) || !dayMatches(time)) at += toNextHour + Math.max(0, 21 - time.hour) * HOUR;
        else if (!hours.values.has(time.hour)) at += toNextHour;
        else if (!minutes.values.has(time.minute)) at += MINUTE;
        else return at;
      }
      return undefined;
    },
  };
};

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const MACROS: Record<string, string> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

interface FieldRange {
  name: string;
  from: number;
  to: number;
  names?: readonly string[];
}

interface Field {
  values: ReadonlySet<number>;
  /** Written as `*` or `?`, without a step. */
  isStar: boolean;
}

const FIELDS: readonly FieldRange[] = [
  { name: 'minute', from: 0, to: 59 },
  { name: 'hour', from: 0, to: 23 },
  { name: 'day of month', from: 1, to: 31 },
  { name: 'month', from: 1, to: 12, names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'] },
  { name: 'day of week', from: 0, to: 6, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
];

const parseField = (text: string, field: FieldRange): Field => {
  const values = new Set<number>();
  let isStar = false;
  for (const part of text.split(',').filter(Boolean)) {
    const [range = '', stepText, ...rest] = part.split('/');
    const [fromText = '', toText, ...more] = range.split('-');
    if (rest.length > 0 || more.length > 0) throw new RangeError(`malformed ${field.name}: ${part}`);
    const isAll = fromText === '*' || fromText === '?';
    const step = stepText === undefined ? 1 : number(stepText, field);
    const from = isAll ? field.from : numberOf(fromText, field);
    // `5/15` starts at five and goes on to the end.
    const to = isAll ? field.to : toText !== undefined ? numberOf(toText, field) : stepText !== undefined ? field.to : from;
    if (from < field.from || to > field.to || from > to || step === 0) throw new RangeError(`${field.name} out of range: ${part}`);
    for (let value = from; value <= to; value += step) values.add(value);
    if (isAll && step === 1) isStar = true;
  }
  if (values.size === 0) throw new RangeError(`empty ${field.name}`);
  return { values, isStar };
};

const numberOf = (text: string, field: FieldRange): number => {
  const named = field.names?.indexOf(text.toLowerCase()) ?? -1;
  return named >= 0 ? named + field.from : number(text, field);
};

const number = (text: string, field: FieldRange): number => {
  if (!/^\d+$/.test(text)) throw new RangeError(`failed to parse ${field.name}: ${text}`);
  return Number(text);
};

/** `@every 1h30m`: from the last time on, rounded to seconds. */
const everyInterval = (text: string): CronSchedule => {
  const units: Record<string, number> = { h: HOUR, m: MINUTE, s: 1000 };
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)([hms])/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join('') !== text) throw new RangeError(`failed to parse duration ${text}`);
  const interval = Math.max(
    1000,
    parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit as string] ?? 0), 0),
  );
  return { next: (after) => Math.floor(after / 1000) * 1000 + interval };
};

interface WallTime {
  month: number;
  day: number;
  weekday: number;
  hour: number;
  minute: number;
}

const wallClockOf = (timeZone: string): ((at: number) => WallTime) => {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  return (at) => {
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = parts;
    return { month, day, hour, minute, weekday: new Date(Date.UTC(year, month - 1, day)).getUTCDay() };
  };
};
