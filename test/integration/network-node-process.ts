/** Starts and drives the process of network-node.ts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Stored } from '../../src/api/meta/object.ts';
import type { Node, Pod } from '../../src/api/types/core-v1.ts';
import type { NodeCommand } from './network-node.ts';

export type WithoutId<T> = T extends { id: number } ? Omit<T, 'id'> : never;

/** The agent's network of one node, in the node's namespace. */
export class NodeProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #answers = new Map<number, (text: string) => void>();
  readonly #seen = new Set<string>();
  #next = 2;

  constructor(name: string, index: number, overlay: 'routes' | 'vxlan') {
    this.name = name;
    mkdirSync(`/run/${name}`, { recursive: true });
    const config = {
      clusterName: 'demo',
      nodeName: name,
      nodeAddress: `172.31.0.${index}`,
      cniConfDir: `/run/${name}/cni`,
      clusterDns: '10.96.0.10',
      clusterDomain: 'cluster.local',
      serviceCidr: '10.96.0.0/16',
      podCidr: '10.244.0.0/16',
      overlay,
      upstreamDns: [],
    };
    const file = fileURLToPath(new URL('network-node.ts', import.meta.url));
    this.#child = spawn('ip', ['netns', 'exec', name, process.execPath, file, JSON.stringify(config)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const { id, text } = JSON.parse(line) as { id: number; text: string };
      if (id < 2) this.#seen.add(text);
      this.#answers.get(id)?.(text);
    });
  }

  has(text: string): boolean {
    return this.#seen.has(text);
  }

  send(command: WithoutId<NodeCommand>): Promise<string> {
    const id = this.#next++;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.#child.stdin?.write(`${JSON.stringify({ id, ...command })}\n`);
    });
  }

  async drain(pod: Stored<Pod>): Promise<{ drained: boolean; ms: number }> {
    return JSON.parse(await this.send({ do: 'drain', pod }));
  }

  stop(signal?: NodeJS.Signals): Promise<void> {
    return new Promise((resolve) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) return resolve();
      this.#child.on('close', () => resolve());
      if (signal) this.#child.kill(signal);
      else this.#child.stdin?.end();
    });
  }
}

export const makeNodeObject = (name: string, index: number, ready = true): Stored<Node> => ({
  metadata: { name },
  spec: { podCIDR: `10.244.${index}.0/24` },
  status: {
    addresses: [{ type: 'InternalIP', address: `172.31.0.${10 + index}` }],
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
  },
});

export const makePodObject = (address: string): Stored<Pod> => ({
  metadata: { name: 'p', namespace: 'default', uid: address, deletionTimestamp: '2026-01-01T00:00:00Z' },
  spec: { containers: [] },
  status: { podIP: address },
});
