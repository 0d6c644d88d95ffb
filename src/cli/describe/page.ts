import { age } from '../../api/meta/columns.ts';
import type { KubeObject, Stored } from '../../api/meta/object.ts';
import type { Toleration } from '../../api/types/core-v1.ts';

type Pairs = Readonly<Record<string, string>> | undefined;

/** What a describer writes on: lines with cells parted by tabs, aligned at the end as Go's tabwriter does. Levels indent by two. */
export class Page {
  readonly now: number;
  readonly #lines: string[] = [];

  constructor(now: number) {
    this.now = now;
  }

  line(text: string, level = 0): void {
    // A text of several lines stays as it stands.
    this.#lines.push(...`${'  '.repeat(level)}${text}`.split('\n'));
  }

  field(name: string, value: unknown, level = 0): void {
    this.line(`${name}:\t${value ?? ''}`, level);
  }

  /** Where there is a value. */
  optional(name: string, value: unknown, level = 0): void {
    if (value !== undefined && value !== null && value !== '') this.field(name, value, level);
  }

  /** A title with one value a line; `<none>` for no values. */
  list(name: string, values: readonly string[], indent = ''): void {
    this.line(`${indent}${name}:\t${values[0] ?? '<none>'}`);
    for (const value of values.slice(1)) this.line(`${indent}\t${value}`);
  }

  labels(name: string, labels: Pairs, indent = ''): void {
    this.list(
      name,
      sorted(labels).map(([key, value]) => `${key}=${value}`),
      indent,
    );
  }

  annotations(annotations: Pairs, indent = ''): void {
    const shown = sorted(annotations).filter(([key]) => key !== LAST_APPLIED);
    if (!shown.length) this.line(`${indent}Annotations:\t<none>`);
    for (const [index, [key, text]] of shown.entries()) {
      const begin = index === 0 ? `${indent}Annotations:\t` : '\t';
      const value = text.replace(/\n$/, '');
      if (value.length + key.length + 2 <= LONG && !value.includes('\n')) this.line(`${begin}${key}: ${value}`);
      else {
        this.line(`${begin}${key}:`);
        for (const part of value.split('\n')) this.line(`\t  ${part.length > LONG - 2 ? `${part.slice(0, LONG - 2)}...` : part}`);
      }
    }
  }

  tolerations(tolerations: readonly Toleration[] = [], indent = ''): void {
    const byKey = tolerations.toSorted((one, other) => compare(one.key ?? '', other.key ?? ''));
    this.list('Tolerations', byKey.map(tolerationText), indent);
  }

  /** Head and rows, each indented once. */
  table(rows: readonly (readonly string[])[]): void {
    for (const row of rows) this.line(row.join('\t'), 1);
  }

  since(timestamp: string | undefined): string {
    return age(timestamp, this.now);
  }

  toString(): string {
    return `${alignTabs(this.#lines).join('\n')}\n`;
  }
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const LONG = 140;

export const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

const sorted = (pairs: Pairs): [string, string][] => Object.entries(pairs ?? {}).sort(([one], [other]) => compare(one, other));

const tolerationText = ({ key = '', value = '', effect = '', operator, tolerationSeconds }: Toleration): string => {
  let text = `${key}${value && `=${value}`}${effect && `:${effect}`}`;
  if (operator === 'Exists' && !value) text += text ? ' op=Exists' : 'op=Exists';
  return tolerationSeconds === undefined ? text : `${text} for ${tolerationSeconds}s`;
};

/** Columns of neighbouring lines get one width: that of the widest cell, and two spaces. */
const alignTabs = (lines: readonly string[]): string[] => {
  const rows = lines.map((line) => line.split('\t'));
  const widths: number[][] = rows.map(() => []);
  const columns = Math.max(0, ...rows.map((row) => row.length - 1));
  for (let column = 0; column < columns; column += 1)
    for (let from = 0; from < rows.length; from += 1) {
      let to = from;
      let width = 0;
      for (; to < rows.length && (rows[to] as string[]).length - 1 > column; to += 1)
        width = Math.max(width, ((rows[to] as string[])[column] as string).length + 2);
      for (let row = from; row < to; row += 1) (widths[row] as number[])[column] = width;
      from = to;
    }
  return rows.map((row, index) => row.map((cell, at) => (at < row.length - 1 ? cell.padEnd(widths[index]?.[at] ?? 0) : cell)).join(''));
};

/** `Sat, 21 Nov 2026 03:26:37 +0000`, in the zone of this computer. */
export const dateText = (timestamp: string | undefined): string => {
  const date = new Date(timestamp ?? '0001-01-01T00:00:00Z');
  const offset = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offset * 60_000);
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.abs(offset) / 60)}${two(Math.abs(offset) % 60)}`;
  return `${local.toUTCString().replace(/ GMT$/, '')} ${zone}`;
};

export const controllerText = (object: Stored<object> | KubeObject): string => {
  const owner = object.metadata.ownerReferences?.find((reference) => reference.controller);
  return owner ? `${owner.kind}/${owner.name}` : '';
};

/** `a=1,b=2`, or `<none>`. */
export const pairsText = (pairs: Pairs): string =>
  sorted(pairs)
    .map(([key, value]) => `${key}=${value}`)
    .join(',') || '<none>';
