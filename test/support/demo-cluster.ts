/** What the end-to-end stories share: a cluster, kubectl or the CLI on it, and programs that go on while a test looks at them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { CliResult, Suite } from './suite.ts';
import { until } from './until.ts';

export const DEMO_IMAGE = 'registry.slipway.local/demo:1';
export const DEMO_IMAGE_2 = 'registry.slipway.local/demo:2';

export interface Program {
  /** Everything on stdout so far. */
  stdout(): string;
  stderr(): string;
  write(text: string): void;
  endInput(): void;
  /** Ends it and waits for its end. */
  stop(): Promise<CliResult>;
  readonly ended: Promise<CliResult>;
}

/** Starts a program that is talked to while it runs (`get -w`, `logs -f`, `port-forward`). */
export const startProgram = (command: readonly string[], env: Readonly<Record<string, string>> = {}): Program => {
  const child = spawn(command[0] as string, command.slice(1), { env: { ...process.env, ...env } });
  const text = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (part: string) => {
      text[stream] += part;
    });
  child.stdin.on('error', () => {}); // It may have ended already.
  const ended = new Promise<CliResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...text }));
  });
  return {
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    write: (input) => child.stdin.write(input),
    endInput: () => child.stdin.end(),
    ended,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
};

/** Runs a program and asserts that it succeeds; answers its stdout. */
export const succeed = async (suite: Suite, command: readonly string[], options: { input?: string } = {}): Promise<string> => {
  const result = await suite.run(command, options);
  assert.equal(result.code, 0, `${command.join(' ')}\n${result.stdout}${result.stderr}`);
  return result.stdout;
};

/** Readiness of each pod that the selector finds: name -> [node, 'True' or 'False']. */
export const podsOf = async (suite: Suite, selector: string): Promise<Map<string, { node: string; ready: boolean }>> => {
  const path =
    '{range .items[*]}{.metadata.name} {.spec.nodeName} {.status.conditions[?(@.type=="Ready")].status} {.metadata.deletionTimestamp}{"\\n"}{end}';
  const { stdout } = await suite.slipway(['get', 'pods', '-l', selector, '-o', `jsonpath=${path}`]);
  const rows = stdout
    .split('\n')
    .filter(Boolean)
    .map((row) => row.split(' '));
  return new Map(rows.map(([name = '', node = '', ready, deleted]) => [name, { node, ready: ready === 'True' && !deleted }]));
};

export const untilReady = (suite: Suite, selector: string, count: number, withinMs = 90_000): Promise<void> =>
  until(async () => [...(await podsOf(suite, selector)).values()].filter((pod) => pod.ready).length === count, {
    withinMs,
    what: `${count} ready pods of ${selector}`,
  });

/** A Deployment with a Service as a manifest; the image is at hand on every node. */
export const deploymentManifest = (name: string, options: { replicas: number; image?: string }): string => `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, labels: {app: ${name}}}
spec:
  replicas: ${options.replicas}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      containers:
      - name: web
        image: ${options.image ?? DEMO_IMAGE}
        ports: [{containerPort: 8080}]
        readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec:
  type: NodePort
  selector: {app: ${name}}
  ports: [{port: 80, targetPort: 8080}]
`;
