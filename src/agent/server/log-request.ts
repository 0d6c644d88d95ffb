import type { ServerResponse } from 'node:http';
import type { ContainerStatus } from '../../api/types/core-v1.ts';
import type { CriClient } from '../cri/cri-client.ts';
import * as Cri from '../cri/cri-types.ts';
import type { PodWorker } from '../pods/pod-worker.ts';
import { readContainerLog } from './container-logs.ts';
import { HttpProblem } from './http-problem.ts';

export interface LogRequest {
  worker: PodWorker;
  container: string;
  query: URLSearchParams;
  now: number;
}

/** Answers `/containerLogs/...`. Throws HttpProblem, in kubelet's words, before anything is written. */
export const serveContainerLog = async (cri: CriClient, request: LogRequest, response: ServerResponse): Promise<void> => {
  const { query, worker } = request;
  const containerId = containerOf(request);
  const { status } = await cri.containerStatus({ containerId });
  const path = status?.logPath;
  if (!path) throw new HttpProblem(400, `failed to try resolving symlinks in path: container ${containerId} has no log`);
  const abort = new AbortController();
  response.once('close', () => abort.abort());
  const sinceSeconds = numberOf(query, 'sinceSeconds');
  const sinceTime = query.get('sinceTime');
  const stream = query.get('stream');
  const lines = readContainerLog(path, {
    follow: query.get('follow') === 'true' || query.get('follow') === '1',
    tailLines: numberOf(query, 'tailLines'),
    since: sinceSeconds !== undefined ? request.now - sinceSeconds * 1000 : sinceTime ? Date.parse(sinceTime) : undefined,
    timestamps: query.get('timestamps') === 'true' || query.get('timestamps') === '1',
    limitBytes: numberOf(query, 'limitBytes'),
    stream: stream && stream !== 'All' ? stream.toLowerCase() : undefined,
    signal: abort.signal,
    hasEnded: async () => {
      const now = await cri.containerStatus({ containerId }).catch(() => undefined);
      return now?.status?.state !== Cri.ContainerState.CONTAINER_RUNNING || worker.pod.metadata.uid === undefined;
    },
  });
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  try {
    for await (const text of lines) if (!response.write(text)) await drained(response);
  } catch {
    // The file went away while it was read: what was there has been sent.
  }
  response.end();
};

/** The container whose log is asked for; throws what kubelet answers where there is none. */
const containerOf = ({ worker, container, query }: LogRequest): string => {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = worker.status;
  const name = worker.pod.metadata.name;
  const status = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find((one) => one.name === container);
  if (!status) throw new HttpProblem(400, `container "${container}" in pod "${name}" is not available`);
  const previous = query.get('previous') === 'true' || query.get('previous') === '1';
  const id = previous ? status.lastState?.terminated?.containerID : currentId(status);
  if (id) return id.slice(id.indexOf('//') + 2);
  if (previous) throw new HttpProblem(400, `previous terminated container "${container}" in pod "${name}" not found`);
  const { reason, message } = status.state?.waiting ?? {};
  if (reason === 'ErrImagePull')
    throw new HttpProblem(400, `container "${container}" in pod "${name}" is waiting to start: image can't be pulled`);
  if (reason === 'ImagePullBackOff')
    throw new HttpProblem(400, `container "${container}" in pod "${name}" is waiting to start: trying and failing to pull image`);
  throw new HttpProblem(400, `container "${container}" in pod "${name}" is waiting to start: ${reason ?? message ?? 'no logs yet'}`);
};

/** Between two runs the log is that of the run before. */
const currentId = ({ state, lastState, containerID }: ContainerStatus): string | undefined => {
  if (state?.running) return containerID;
  return state?.terminated?.containerID ?? lastState?.terminated?.containerID;
};

const numberOf = (query: URLSearchParams, name: string): number | undefined => {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new HttpProblem(422, `${name} must be a whole number that is not negative`);
  return value;
};

const drained = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    response.once('drain', resolve);
    response.once('close', resolve);
  });
