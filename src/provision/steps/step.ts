/**
 * One idempotent step of bringing a cluster up. A step is one file and one line in the list; it knows hosts, not hypervisors.
 * `apply` run twice changes nothing the second time. `undo` takes back what this run's `apply` did, for a failed `up`.
 */
export interface Step<Context> {
  /** Stable, for JSON events: `install-binaries`. */
  readonly name: string;
  /** For people: `Laying down binaries`. */
  readonly title: string;
  /** Names of steps that must have ended before; by default the one before it in the list. Steps that wait for nothing of each other run side by side. */
  readonly needs?: readonly string[];
  /**
   * `plan` runs it on hosts and a folder that change nothing and only record what would be: it decides by what it reads, and marks commands
   * that only look (`readOnly`).
   */
  readonly plannable?: true;
  /** False: the step is left out, and steps that need it do not wait for it. */
  wanted?(context: Context): boolean;
  apply(context: Context, report: (detail: string) => void): Promise<StepOutcome>;
  /** Also called when `apply` failed half-way. */
  undo?(context: Context): Promise<void>;
}

export interface StepOutcome {
  /** False when all was as it should be already. */
  changed: boolean;
}
