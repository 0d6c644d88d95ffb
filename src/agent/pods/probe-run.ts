import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import grpc from '@grpc/grpc-js';
import type { Container, ExecAction, GRPCAction, HTTPGetAction, Probe, TCPSocketAction } from '../../api/types/core-v1.ts';
import { type CriClient, CriError } from '../cri/cri-client.ts';

export interface ProbeTarget {
  container: Container;
  containerId: string;
  /** Empty while the pod has no address: then network probes fail. */
  podIP: string;
}

/** `unknown`: the probe could not be run, because the runtime is away; it says nothing about the container. */
export type ProbeResult = { ok: true } | { ok: false; message: string } | { ok: 'unknown'; message: string };

/** Answers longer than this are cut; they only serve an event's message. */
const MAX_BODY_BYTES = 10 * 1024;

/** Runs a probe once. Never rejects. */
export const runProbe = async (probe: Probe, target: ProbeTarget, cri: CriClient): Promise<ProbeResult> => {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  try {
    if (probe.exec) return await execProbe(probe.exec, target, { cri, timeoutMs });
    if (probe.httpGet) return await httpProbe(probe.httpGet, target, timeoutMs);
    if (probe.tcpSocket) return await tcpProbe(probe.tcpSocket, target, timeoutMs);
    if (probe.grpc) return await grpcProbe(probe.grpc, target, timeoutMs);
    return { ok: false, message: 'missing probe handler' };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: error instanceof CriError ? 'unknown' : false, message };
  }
};

/** A number, or the name of one of the container's ports. */
export const resolvePort = (port: number | string, container: Container): number => {
  const named = container.ports?.find(({ name }) => name === String(port))?.containerPort ?? Number(port);
  if (!Number.isInteger(named) || named < 1 || named > 65_535) throw new Error(`couldn't find port: ${JSON.stringify(port)} in pod`);
  return named;
};

/** Also for HTTP lifecycle hooks. */
export const httpGet = (
  action: HTTPGetAction,
  target: Pick<ProbeTarget, 'container' | 'podIP'>,
  options: { timeoutMs: number; userAgent: string },
): Promise<{ status: number; body: string; url: string }> => {
  const port = resolvePort(action.port, target.container);
  const host = action.host || target.podIP;
  const isTls = action.scheme === 'HTTPS';
  const path = action.path ? (action.path.startsWith('/') ? action.path : `/${action.path}`) : '/';
  const url = `${isTls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
  const headers: Record<string, string | string[]> = { 'user-agent': options.userAgent, accept: '*/*', connection: 'close' };
  for (const { name, value } of action.httpHeaders ?? []) {
    const key = name.toLowerCase();
    const before = key in headers && key !== 'user-agent' && key !== 'accept' ? headers[key] : undefined;
    headers[key] = before === undefined ? value : [before, value].flat();
  }
  if (headers['accept'] === '') delete headers['accept'];
  return new Promise((resolve, reject) => {
    const send = isTls ? httpsRequest : httpRequest;
    const stopTimer = afterOwnTime(options.timeoutMs, () => {
      request.destroy(new Error('context deadline exceeded (Client.Timeout exceeded while awaiting headers)'));
    });
    const request = send({ host, port, path, headers, agent: false, rejectUnauthorized: false, family: 0 }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        if (size < MAX_BODY_BYTES) chunks.push(chunk);
        size += chunk.length;
        if (size > MAX_BODY_BYTES) response.destroy();
      });
      response.on('close', () => {
        stopTimer();
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString(), url });
      });
      response.on('error', () => {});
    });
    request.on('error', (error) => {
      stopTimer();
      reject(new Error(`Get "${url}": ${goNetworkError(error, host, port)}`));
    });
    request.end();
  });
};

const STEPS = 10;

/**
 * Calls back after a time in which this process had its turns; answers how to call it off. On a host that is too busy for its agent
 * an answer may lie in the socket for long: the agent's own lateness must not make all pods of its node unready at once.
 */
export const afterOwnTime = (ms: number, callback: () => void): (() => void) => {
  let left = STEPS;
  const step = (): void => {
    left -= 1;
    if (left === 0) callback();
    else timer = setTimeout(step, ms / STEPS);
  };
  let timer = setTimeout(step, ms / STEPS);
  return () => clearTimeout(timer);
};

const httpProbe = async (action: HTTPGetAction, target: ProbeTarget, timeoutMs: number): Promise<ProbeResult> => {
  const { status } = await httpGet(action, target, { timeoutMs, userAgent: 'kube-probe/1.36' });
  return status >= 200 && status < 400 ? { ok: true } : { ok: false, message: `HTTP probe failed with statuscode: ${status}` };
};

const tcpProbe = (action: TCPSocketAction, { container, podIP }: ProbeTarget, timeoutMs: number): Promise<ProbeResult> => {
  const port = resolvePort(action.port, container);
  const host = action.host || podIP;
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const stopTimer = afterOwnTime(timeoutMs, () => finish({ ok: false, message: `dial tcp ${host}:${port}: i/o timeout` }));
    const finish = (result: ProbeResult): void => {
      stopTimer();
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => finish({ ok: true }));
    socket.once('error', (error) => finish({ ok: false, message: goNetworkError(error, host, port) }));
  });
};

const execProbe = async (action: ExecAction, target: ProbeTarget, options: { cri: CriClient; timeoutMs: number }): Promise<ProbeResult> => {
  const command = action.command ?? [];
  const timeout = Math.max(1, Math.round(options.timeoutMs / 1000));
  try {
    const { exitCode, stdout, stderr } = await options.cri.execSync({ containerId: target.containerId, cmd: command, timeout });
    return exitCode === 0 ? { ok: true } : { ok: false, message: Buffer.concat([stdout, stderr]).subarray(0, MAX_BODY_BYTES).toString() };
  } catch (error) {
    if (error instanceof CriError && (error.code === 'DEADLINE_EXCEEDED' || /timeout .* exceeded/.test(error.message)))
      return { ok: false, message: `command timed out: "${command.join(' ')}" timed out after ${timeout}s` };
    throw error;
  }
};

/** grpc.health.v1.Health/Check: one string field in, one enum field out. */
const grpcProbe = (action: GRPCAction, { podIP }: ProbeTarget, timeoutMs: number): Promise<ProbeResult> => {
  const address = `${podIP.includes(':') ? `[${podIP}]` : podIP}:${action.port}`;
  const client = new grpc.Client(address, grpc.credentials.createInsecure(), { 'grpc.primary_user_agent': 'kube-probe/1.36' });
  const serialize = (service: string): Buffer => {
    const bytes = Buffer.from(service);
    return bytes.length === 0 ? bytes : Buffer.concat([Buffer.from([0x0a, bytes.length]), bytes]);
  };
  const deserialize = (bytes: Buffer): number => (bytes[0] === 0x08 ? (bytes[1] ?? 0) : 0);
  return new Promise((resolve) => {
    const options = { deadline: Date.now() + timeoutMs };
    client.makeUnaryRequest('/grpc.health.v1.Health/Check', serialize, deserialize, action.service ?? '', options, (error, status) => {
      client.close();
      if (error?.code === grpc.status.DEADLINE_EXCEEDED)
        resolve({
          ok: false,
          message: `timeout: failed to connect service "${address}" within ${timeoutMs / 1000}s: context deadline exceeded`,
        });
      else if (error) resolve({ ok: false, message: `error: health rpc probe failed: ${error.details}` });
      else
        resolve(
          status === 1 ? { ok: true } : { ok: false, message: `service unhealthy (responded with "${HEALTH[status ?? 0] ?? status}")` },
        );
    });
  });
};

const HEALTH = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** Network errors in the words of Go, which people and tests know from kubelet's events. */
const goNetworkError = (error: NodeJS.ErrnoException, host: string, port: number): string => {
  const dial = `dial tcp ${host.includes(':') ? `[${host}]` : host}:${port}: connect: `;
  const words: Record<string, string> = {
    ECONNREFUSED: `${dial}connection refused`,
    EHOSTUNREACH: `${dial}no route to host`,
    ENETUNREACH: `${dial}network is unreachable`,
    ETIMEDOUT: `dial tcp ${host}:${port}: i/o timeout`,
    ECONNRESET: 'read: connection reset by peer',
  };
  return words[error.code ?? ''] ?? error.message;
};
