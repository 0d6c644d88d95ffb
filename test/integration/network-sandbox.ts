/** Namespaces as nodes, pods and clients for tests of the network room. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type RunTool, runTool } from '../../src/agent/network/run-tool.ts';

const INSIDE = 'SLIPWAY_TEST_NAMESPACE';

const missing = (): string | undefined => {
  if (process.getuid?.() !== 0) return 'needs root';
  for (const tool of ['nft', 'conntrack', 'ip'])
    if (!['/usr/sbin', '/sbin', '/usr/bin', '/bin'].some((directory) => existsSync(`${directory}/${tool}`))) return `needs ${tool}`;
  return undefined;
};

/**
 * Runs the tests that `define` registers in network, mount and PID namespaces of their own, with a tmpfs on /run: whatever
 * they leave goes with the namespace.
 */
export const inNamespace = (url: string, define: () => void): void => {
  if (process.env[INSIDE]) {
    define();
    return;
  }
  const reason = missing();
  test('in a network namespace', { skip: reason ?? false, timeout: 240_000 }, () => {
    const file = fileURLToPath(url);
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const script = 'mount -t tmpfs tmpfs /run && ip link set lo up && exec "$@"';
    const done = spawnSync(
      'unshare',
      ['-n', '-m', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', script, 'sh', process.execPath, '--test', file],
      { env: { ...env, [INSIDE]: '1' }, encoding: 'utf8', timeout: 230_000 },
    );
    assert.equal(done.status, 0, `${done.stdout}\n${done.stderr}`);
  });
};

/** A process inside a namespace that listens and connects. */
export class Worker {
  readonly #child: ChildProcess;
  readonly #answers = new Map<number, (text: string) => void>();
  #next = 1;

  constructor(namespace: string) {
    this.#child = spawn(
      'ip',
      ['netns', 'exec', namespace, process.execPath, fileURLToPath(new URL('network-worker.ts', import.meta.url))],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => {
      const { id, text } = JSON.parse(line) as { id: number; text: string };
      this.#answers.get(id)?.(text);
      this.#answers.delete(id);
    });
  }

  async listen(protocol: 'tcp' | 'udp', port: number, text: string, options: { delayMs?: number } = {}): Promise<void> {
    assert.equal(await this.#send({ do: 'listen', protocol, port, text, ...options }), 'listening');
  }

  /** What the other side said (its name, and the address it saw), or an error code, or `timeout`. */
  ask(target: string, options: { protocol?: 'tcp' | 'udp'; waitMs?: number; localPort?: number } = {}): Promise<string> {
    const [host, port] = target.split(':');
    return this.#send({
      do: 'ask',
      protocol: options.protocol ?? 'tcp',
      host,
      port: Number(port),
      waitMs: options.waitMs ?? 3_000,
      ...options,
    });
  }

  /** Stops when its standard input ends. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#child.on('close', () => resolve());
      this.#child.stdin?.end();
    });
  }

  #send(command: Record<string, unknown>): Promise<string> {
    const id = this.#next++;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.#child.stdin?.write(`${JSON.stringify({ id, ...command })}\n`);
    });
  }
}

export const runIn =
  (namespace: string): RunTool =>
  (program, args, input) =>
    runTool('ip', ['netns', 'exec', namespace, program, ...args], input);

/**
 *   lan (bridge in the test's own namespace, 172.31.0.1/24)
 *    |- node1 172.31.0.11   pods 10.244.1.0/24
 *    |- node2 172.31.0.12   pods 10.244.2.0/24
 *    `- client 172.31.0.99  (knows no pod)
 */
export const makeNode = async (name: string, index: number): Promise<void> => {
  await runTool('ip', ['netns', 'add', name]);
  await runTool('ip', ['link', 'add', `to-${name}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name]);
  await runTool('ip', ['link', 'set', `to-${name}`, 'master', 'lan', 'up']);
  const inside = runIn(name);
  await inside('ip', ['link', 'set', 'lo', 'up']);
  await inside('ip', ['address', 'add', `172.31.0.${index}/24`, 'dev', 'eth0']);
  await inside('ip', ['link', 'set', 'eth0', 'up']);
  await inside('ip', ['route', 'add', 'default', 'via', '172.31.0.1']);
  await inside('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
};

export const makeLan = async (): Promise<void> => {
  await runTool('ip', ['link', 'add', 'lan', 'type', 'bridge']);
  await runTool('ip', ['address', 'add', '172.31.0.1/24', 'dev', 'lan']);
  await runTool('ip', ['link', 'set', 'lan', 'up']);
};

/** As the CNI plugin `ptp` makes it. */
export const makePod = async (name: string, node: string, address: string): Promise<Worker> => {
  const gateway = address.replace(/\d+$/, '1');
  await runTool('ip', ['netns', 'add', name]);
  await runIn(node)('ip', ['link', 'add', `v${name}`, 'type', 'veth', 'peer', 'name', `p${name}`]);
  await runIn(node)('ip', ['link', 'set', `p${name}`, 'netns', name]);
  await runIn(node)('ip', ['address', 'add', `${gateway}/32`, 'dev', `v${name}`]);
  await runIn(node)('ip', ['link', 'set', `v${name}`, 'up']);
  await runIn(node)('ip', ['route', 'add', `${address}/32`, 'dev', `v${name}`]);
  const inside = runIn(name);
  await inside('ip', ['link', 'set', 'lo', 'up']);
  await inside('ip', ['address', 'add', `${address}/32`, 'dev', `p${name}`]);
  await inside('ip', ['link', 'set', `p${name}`, 'up']);
  await inside('ip', ['route', 'add', `${gateway}/32`, 'dev', `p${name}`]);
  await inside('ip', ['route', 'add', 'default', 'via', gateway]);
  return new Worker(name);
};
