/** What one run of one server showed. */
export interface Run {
  /** Process start to the first authorised answer. */
  startSeconds: number;
  restMiB: number;
  afterMiB: number;
  phases: Phase[];
}

export interface Phase {
  phase: string;
  ops: number;
  errors: number;
  per_second: number;
  p50_ms: number;
  p99_ms: number;
  server_cpu_ms_per_op?: number;
}

/** What must be reached: ours is at most this part of the peer's. */
const TARGETS: Record<string, { cpu?: number; p99?: number }> = {
  create: { cpu: 1 / 3, p99: 1 / 3 },
  get: { cpu: 1 / 4, p99: 1 / 3 },
  'patch-status': { cpu: 1 / 4, p99: 1 / 3 },
  'list-all': { cpu: 1 / 10 },
  'list-by-label': { cpu: 1 / 10 },
  'list-by-node': { cpu: 1 / 10 },
  'watch-fanout-100': { cpu: 1 / 3 },
  delete: { cpu: 1 / 4 },
};
const START_TARGET = 1 / 8;

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
};

/** A Markdown table: medians of both, the ratio, and whether the target is reached. */
export const report = (runs: { ours: readonly Run[]; peer: readonly Run[] }): string => {
  const rows = ['| what | ours | peer | ours / peer | target |', '|---|---|---|---|---|'];
  const add = (what: string, pick: (run: Run) => number, options: { digits: number; target?: number | undefined }): void => {
    const ours = median(runs.ours.map(pick));
    const peer = median(runs.peer.map(pick));
    const ratio = ours / peer;
    const shown = (value: number): string => (Number.isNaN(value) ? '-' : value.toFixed(options.digits));
    const verdict =
      options.target === undefined || Number.isNaN(ratio)
        ? ''
        : `${options.target.toFixed(3)} ${ratio <= options.target ? 'reached' : 'missed'}`;
    rows.push(`| ${what} | ${shown(ours)} | ${shown(peer)} | ${Number.isNaN(ratio) ? '-' : ratio.toFixed(3)} | ${verdict} |`);
  };
  for (const { phase } of runs.ours[0]?.phases ?? []) {
    const of = (run: Run): Phase | undefined => run.phases.find((other) => other.phase === phase);
    add(`${phase}: server CPU ms/op`, (run) => of(run)?.server_cpu_ms_per_op ?? Number.NaN, { digits: 3, target: TARGETS[phase]?.cpu });
    add(`${phase}: p99 ms`, (run) => of(run)?.p99_ms ?? Number.NaN, { digits: 1, target: TARGETS[phase]?.p99 });
    add(`${phase}: per second`, (run) => of(run)?.per_second ?? Number.NaN, { digits: 0 });
  }
  add('start to first authorised answer, s', (run) => run.startSeconds, { digits: 2, target: START_TARGET });
  add('memory at rest, MiB', (run) => run.restMiB, { digits: 0 });
  add('memory after the run, MiB', (run) => run.afterMiB, { digits: 0 });
  return `${runs.ours.length} runs of ours, ${runs.peer.length} of the peer, in turn; medians.\n\n${rows.join('\n')}`;
};
