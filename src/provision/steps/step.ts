/**
 * One idempotent step of bringing a cluster up. A step is one file and one line in the list; it knows hosts, not hypervisors.
 * `apply` run twice changes nothing the second time. `undo` takes back what this run's `apply` did, for a failed `up`.
 */
export interface Step<Context> {
  /** Stable, for JSON events: `install-binaries`. */
  readonly name: string;
  /** For people: `Laying down binaries`. */
  readonly title: string;
  /** True when there is nothing to do. */
  done?(context: Context): Promise<boolean>;
  apply(context: Context, report: (detail: string) => void): Promise<void>;
  undo?(context: Context): Promise<void>;
}
