import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Container, LifecycleHandler } from '../../api/types/core-v1.ts';
import type { CriClient } from '../cri/cri-client.ts';
import { httpGet, resolvePort } from './probe-run.ts';

export interface HookTarget {
  container: Container;
  containerId: string;
  podIP: string;
}

const HTTP_TIMEOUT_MS = 60_000;

/** Runs a postStart or preStop handler; rejects with the words of the event when it fails. `timeoutMs` bounds it. */
export const runHook = async (
  handler: LifecycleHandler,
  target: HookTarget,
  options: { cri: CriClient; timeoutMs: number; signal?: AbortSignal },
): Promise<void> => {
  const { exec, httpGet: get, tcpSocket, sleep: pause } = handler;
  if (exec) {
    const command = exec.command ?? [];
    const timeout = Math.max(1, Math.ceil(options.timeoutMs / 1000));
    const { exitCode, stdout, stderr } = await options.cri.execSync({ containerId: target.containerId, cmd: command, timeout });
    if (exitCode === 0) return;
    const output = Buffer.concat([stdout, stderr]).subarray(0, 1024).toString();
    throw new Error(
      `Exec lifecycle hook (${JSON.stringify(command)}) failed - error: command exited with ${exitCode}, message: ${JSON.stringify(output)}`,
    );
  }
  if (get) {
    const timeoutMs = Math.min(HTTP_TIMEOUT_MS, options.timeoutMs);
    // Any answer will do: a hook says something, it does not ask.
    await httpGet(get, target, { timeoutMs, userAgent: 'kube-lifecycle/1.36' });
    return;
  }
  if (pause) {
    await sleep(Math.min(pause.seconds * 1000, options.timeoutMs), undefined, { signal: options.signal }).catch(() => {});
    return;
  }
  if (tcpSocket) {
    const port = resolvePort(tcpSocket.port, target.container);
    await new Promise<void>((resolve, reject) => {
      const socket = connect({ host: tcpSocket.host || target.podIP, port, timeout: options.timeoutMs }, () => {
        socket.destroy();
        resolve();
      });
      socket.once('timeout', () => socket.destroy(new Error('i/o timeout')));
      socket.once('error', reject);
    });
  }
};
