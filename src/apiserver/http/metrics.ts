/** Counters and histograms under upstream's names, printed in the Prometheus text format. */

const BUCKETS_SECONDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10, 30, 60];

interface Series {
  count: number;
  sum: number;
  buckets: Uint32Array;
}

export class Metrics {
  readonly #requests = new Map<string, number>();
  readonly #durations = new Map<string, Series>();
  readonly #gauges = new Map<string, () => number>();
  readonly #watchers = new Map<string, number>();

  /** One finished request. */
  observe(request: {
    verb: string;
    group: string;
    version: string;
    resource: string;
    subresource: string;
    code: number;
    seconds: number;
  }): void {
    const labels = `component="apiserver",group="${request.group}",resource="${request.resource}",scope="",subresource="${request.subresource}",verb="${request.verb.toUpperCase()}",version="${request.version}"`;
    const withCode = `code="${request.code}",${labels}`;
    this.#requests.set(withCode, (this.#requests.get(withCode) ?? 0) + 1);
    if (request.verb === 'watch') return;
    let series = this.#durations.get(labels);
    if (!series) {
      series = { count: 0, sum: 0, buckets: new Uint32Array(BUCKETS_SECONDS.length) };
      this.#durations.set(labels, series);
    }
    series.count++;
    series.sum += request.seconds;
    for (let at = 0; at < BUCKETS_SECONDS.length; at++)
      if (request.seconds <= (BUCKETS_SECONDS[at] as number)) {
        series.buckets[at] = (series.buckets[at] as number) + 1;
        break;
      }
  }

  /** +1 when a watch begins, -1 when it ends. */
  watcher(resource: string, change: 1 | -1): void {
    this.#watchers.set(resource, (this.#watchers.get(resource) ?? 0) + change);
  }

  gauge(nameWithLabels: string, read: () => number): void {
    this.#gauges.set(nameWithLabels, read);
  }

  text(): string {
    const lines: string[] = [
      '# HELP apiserver_request_total [STABLE] Counter of apiserver requests broken out for each verb, group, version, resource and HTTP response code.',
      '# TYPE apiserver_request_total counter',
    ];
    for (const [labels, value] of this.#requests) lines.push(`apiserver_request_total{${labels}} ${value}`);
    lines.push(
      '# HELP apiserver_request_duration_seconds [STABLE] Response latency distribution in seconds.',
      '# TYPE apiserver_request_duration_seconds histogram',
    );
    for (const [labels, series] of this.#durations) {
      let total = 0;
      for (let at = 0; at < BUCKETS_SECONDS.length; at++) {
        total += series.buckets[at] as number;
        lines.push(`apiserver_request_duration_seconds_bucket{${labels},le="${BUCKETS_SECONDS[at]}"} ${total}`);
      }
      lines.push(
        `apiserver_request_duration_seconds_bucket{${labels},le="+Inf"} ${series.count}`,
        `apiserver_request_duration_seconds_sum{${labels}} ${series.sum}`,
        `apiserver_request_duration_seconds_count{${labels}} ${series.count}`,
      );
    }
    lines.push('# TYPE apiserver_longrunning_requests gauge');
    for (const [resource, value] of this.#watchers)
      lines.push(`apiserver_longrunning_requests{resource="${resource}",verb="WATCH"} ${value}`);
    for (const [name, read] of this.#gauges) lines.push(`# TYPE ${name.split('{')[0]} gauge`, `${name} ${read()}`);
    const memory = process.memoryUsage();
    const cpu = process.cpuUsage();
    lines.push(
      '# TYPE process_resident_memory_bytes gauge',
      `process_resident_memory_bytes ${memory.rss}`,
      '# TYPE process_cpu_seconds_total counter',
      `process_cpu_seconds_total ${(cpu.user + cpu.system) / 1e6}`,
      '# TYPE process_start_time_seconds gauge',
      `process_start_time_seconds ${Date.now() / 1000 - process.uptime()}`,
    );
    return `${lines.join('\n')}\n`;
  }
}
