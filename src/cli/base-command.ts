import { booleanFlag, type Flags, textFlag, type Values } from './args/flags.ts';
import { parseArgs } from './args/parse-args.ts';
import { UsageError } from './errors.ts';
import type { Io } from './io.ts';

/** Flags of every command. */
export const COMMON_FLAGS = {
  help: booleanFlag('Show help', { char: 'h' }),
  'no-color': booleanFlag('No colours', { helpGroup: 'global' }),
  'no-input': booleanFlag('Never ask, fail instead', { helpGroup: 'global' }),
} as const satisfies Flags;

export type CommonValues = Values<typeof COMMON_FLAGS>;

/** Of commands that give results as text or JSON, and of long jobs, whose progress follows it. */
export const OUTPUT_FLAG = textFlag('Output format: json, or text where it is left out', { char: 'o', options: ['json'] });

/** Of jobs whose `-o` is the file that they write. */
export const PROGRESS_FLAG = textFlag('Format of the progress: json, one event a line on stdout; text where it is left out', {
  options: ['json'],
});

export interface CommandContext {
  io: Io;
  /** Aborts at the first Ctrl-C. */
  signal: AbortSignal;
  /** `rollout status`. */
  id: string;
}

/** The class side of a command: what the dispatcher, the help and completion read. The same names as oclif's commands have. */
export interface CommandClass {
  new (argv: readonly string[], context: CommandContext): BaseCommand;
  readonly summary: string;
  readonly description?: string | undefined;
  /** After the command's name: `(TYPE NAME | TYPE/NAME) [flags]`. */
  readonly usage: string;
  readonly examples: readonly string[];
  readonly flags: Flags;
  readonly baseFlags: Flags;
  /** True for jobs that clean up after Ctrl-C by `signal`; others end at once. */
  readonly graceful: boolean;
}

/**
 * One command. A file exports one class:
 *
 *   const flags = { replicas: integerFlag('How many') } as const satisfies Flags;
 *   export default class Scale extends BaseCommand<typeof flags> {
 *     static override summary = 'Set how many replicas run';
 *     static override flags = flags;
 *     async run() { this.flags.replicas; this.args; this.io.out('done\n'); }
 *   }
 *
 * and stands in commands/index.ts with one line. `run` answers an exit code where it is not 0. Throw UsageError (exit 2), CommandError,
 * SlipwayError or StatusError: the error printer knows them all. Commands that talk to a cluster extend KubeCommand instead.
 */
export abstract class BaseCommand<F extends Flags = Flags> {
  static summary = '';
  static description: string | undefined;
  static usage = '';
  static examples: readonly string[] = [];
  static flags: Flags = {};
  static baseFlags: Flags = COMMON_FLAGS;
  static graceful = false;

  readonly io: Io;
  readonly signal: AbortSignal;
  readonly id: string;
  readonly flags: Values<F> & CommonValues;
  readonly given: ReadonlySet<string>;
  /** All words that are no flags. */
  readonly args: readonly string[];
  /** How many of them stood before `--`; -1 where there was none. */
  readonly dashAt: number;

  constructor(argv: readonly string[], context: CommandContext) {
    const { flags, baseFlags } = new.target as unknown as CommandClass;
    const parsed = parseArgs(argv, { ...baseFlags, ...flags });
    this.io = parsed.values['no-input'] ? { ...context.io, interactive: false } : context.io;
    this.signal = context.signal;
    this.id = context.id;
    this.flags = parsed.values as Values<F> & CommonValues;
    this.given = parsed.given;
    this.args = parsed.words;
    this.dashAt = parsed.dashAt;
  }

  // biome-ignore lint/suspicious/noConfusingVoidType: most commands answer nothing, and say so with void.
  abstract run(): Promise<number | undefined | void>;

  /** After a failure of `run`: true where the reason was mended, so that it can be run once more. Nothing may have been printed yet. */
  async recover(_error: unknown): Promise<boolean> {
    return false;
  }

  /** Frees what the command opened. Called once, however `run` ended. */
  async close(): Promise<void> {}

  /** Throws UsageError unless there are as many words as said. */
  protected expectArgs(range: { min?: number; max?: number }, what = 'argument'): void {
    const { min = 0, max = Number.POSITIVE_INFINITY } = range;
    if (this.args.length < min)
      throw new UsageError(min === 1 ? `${what} is missing` : `${min} ${what}s are needed, got ${this.args.length}`);
    if (this.args.length > max) throw new UsageError(`unexpected argument: ${this.args[max]}`);
  }
}
