/**
 * Flags as commands declare them. The shape is oclif's (its help and tools read it); the values are parsed with the rules of kubectl's
 * own parser, which oclif's cannot express (see parse-args.ts). `Values<typeof flags>` is what a command sees.
 */
export interface Flag<T = unknown> {
  readonly type: 'boolean' | 'option';
  readonly kind: 'boolean' | 'text' | 'integer' | 'list';
  readonly description: string;
  readonly char?: string;
  readonly default?: T;
  /** The value of the flag when it stands alone: `--dry-run` means `--dry-run=unchanged`. Such a flag never takes the next word. */
  readonly bare?: string;
  /** Lists: `a,b` is two values. */
  readonly splitOnComma?: boolean;
  /** The only values allowed. */
  readonly options?: readonly string[];
  readonly hidden?: boolean;
  readonly helpGroup?: string;
  readonly helpValue?: string;
  readonly multiple?: boolean;
  /** Never set: carries the type of the value. */
  readonly valueType?: T;
}

// biome-ignore lint/suspicious/noExplicitAny: a table of flags of any value type.
export type Flags = Readonly<Record<string, Flag<any>>>;

export type Values<F extends Flags> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

type Details = Omit<Partial<Flag>, 'type' | 'kind' | 'description' | 'default' | 'valueType'>;

export const booleanFlag = (description: string, details: Details & { default?: boolean } = {}): Flag<boolean> => ({
  type: 'boolean',
  kind: 'boolean',
  description,
  ...details,
  default: details.default ?? false,
});

export function textFlag(description: string, details: Details & { default: string }): Flag<string>;
export function textFlag(description: string, details?: Details): Flag<string | undefined>;
export function textFlag(description: string, details: Details & { default?: string } = {}): Flag<string | undefined> {
  return { type: 'option', kind: 'text', description, ...details } as Flag<string | undefined>;
}

export function integerFlag(description: string, details: Details & { default: number }): Flag<number>;
export function integerFlag(description: string, details?: Details): Flag<number | undefined>;
export function integerFlag(description: string, details: Details & { default?: number } = {}): Flag<number | undefined> {
  return { type: 'option', kind: 'integer', description, ...details } as Flag<number | undefined>;
}

/** May be given several times; `a,b` counts as two unless `splitOnComma` is false. */
export const listFlag = (description: string, details: Details = {}): Flag<string[]> => ({
  type: 'option',
  kind: 'list',
  description,
  splitOnComma: true,
  multiple: true,
  ...details,
  default: [],
});
