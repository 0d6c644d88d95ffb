import grpc from '@grpc/grpc-js';
import protobuf from 'protobufjs/light.js';
import descriptor from './cri.json' with { type: 'json' };
import type * as Cri from './cri-types.ts';

/**
 * The container runtime through CRI v1. Every call rejects with `CriError`. Requests may leave out what is at its zero value;
 * answers are complete. 64-bit integers are numbers: nanosecond timestamps lose what is below 256 ns, sizes are exact.
 */
export interface CriClient {
  version(request?: object): Promise<Cri.VersionResponse>;
  status(request?: { verbose?: boolean }): Promise<Cri.StatusResponse>;
  runPodSandbox(request: Partly<Cri.RunPodSandboxRequest>): Promise<Cri.RunPodSandboxResponse>;
  stopPodSandbox(request: Cri.StopPodSandboxRequest): Promise<unknown>;
  removePodSandbox(request: Cri.RemovePodSandboxRequest): Promise<unknown>;
  podSandboxStatus(request: Partly<Cri.PodSandboxStatusRequest>): Promise<Cri.PodSandboxStatusResponse>;
  listPodSandbox(request: Partly<Cri.ListPodSandboxRequest>): Promise<Cri.ListPodSandboxResponse>;
  createContainer(request: Partly<Cri.CreateContainerRequest>): Promise<Cri.CreateContainerResponse>;
  startContainer(request: Cri.StartContainerRequest): Promise<unknown>;
  /** `timeout` in seconds between SIGTERM and SIGKILL; resolves when the container has ended. */
  stopContainer(request: Cri.StopContainerRequest): Promise<unknown>;
  removeContainer(request: Cri.RemoveContainerRequest): Promise<unknown>;
  listContainers(request: Partly<Cri.ListContainersRequest>): Promise<Cri.ListContainersResponse>;
  containerStatus(request: Partly<Cri.ContainerStatusRequest>): Promise<Cri.ContainerStatusResponse>;
  updateContainerResources(request: Partly<Cri.UpdateContainerResourcesRequest>): Promise<unknown>;
  reopenContainerLog(request: Cri.ReopenContainerLogRequest): Promise<unknown>;
  /** `timeout` in seconds; past it the call rejects with DEADLINE_EXCEEDED and the command is killed. */
  execSync(request: Cri.ExecSyncRequest): Promise<Cri.ExecSyncResponse>;
  exec(request: Cri.ExecRequest): Promise<Cri.ExecResponse>;
  attach(request: Cri.AttachRequest): Promise<Cri.AttachResponse>;
  portForward(request: Cri.PortForwardRequest): Promise<Cri.PortForwardResponse>;
  listContainerStats(request: Partly<Cri.ListContainerStatsRequest>): Promise<Cri.ListContainerStatsResponse>;
  listImages(request?: Partly<Cri.ListImagesRequest>): Promise<Cri.ListImagesResponse>;
  imageStatus(request: Partly<Cri.ImageStatusRequest>): Promise<Cri.ImageStatusResponse>;
  pullImage(request: Partly<Cri.PullImageRequest>): Promise<Cri.PullImageResponse>;
  removeImage(request: Partly<Cri.RemoveImageRequest>): Promise<unknown>;
  imageFsInfo(request?: object): Promise<Cri.ImageFsInfoResponse>;
  /** Events from containerd 1.7 on; an older one makes it throw UNIMPLEMENTED. Ends when `signal` aborts. */
  containerEvents(signal: AbortSignal): AsyncIterable<Cri.ContainerEventResponse>;
  close(): void;
}

/** A message with everything optional, at every depth. */
export type Partly<T> = T extends Uint8Array
  ? T
  : T extends (infer I)[]
    ? Partly<I>[]
    : T extends object
      ? { [K in keyof T]?: Partly<T[K]> }
      : T;

/** gRPC status names that callers tell apart. */
export type CriErrorCode = 'NOT_FOUND' | 'ALREADY_EXISTS' | 'DEADLINE_EXCEEDED' | 'UNAVAILABLE' | 'UNIMPLEMENTED' | 'CANCELLED' | 'OTHER';

export class CriError extends Error {
  readonly code: CriErrorCode;
  readonly method: string;

  constructor(method: string, code: CriErrorCode, message: string) {
    super(message);
    this.name = 'CriError';
    this.method = method;
    this.code = code;
  }
}

export const isCriNotFound = (error: unknown): boolean => error instanceof CriError && error.code === 'NOT_FOUND';

/** Seconds a call may take; the runtime does pulls and stops for longer than the rest. */
const DEADLINE_SECONDS: Record<string, number> = { PullImage: 3600, StopContainer: 86_400, ExecSync: 86_400, RunPodSandbox: 240 };
const DEFAULT_DEADLINE_SECONDS = 120;
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** Connects when first used and again whenever the runtime comes back. */
export const createCriClient = (socketPath: string): CriClient => {
  const channel = new grpc.Client(`unix:${socketPath}`, grpc.credentials.createInsecure(), {
    'grpc.default_authority': 'localhost',
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1000,
  });
  const methods = loadMethods();
  const call = (name: string) => {
    const method = methods.get(name);
    if (!method) throw new Error(`CRI has no method ${name}`);
    return (request: object = {}): Promise<never> =>
      new Promise((resolve, reject) => {
        const options = { deadline: Date.now() + 1000 * (DEADLINE_SECONDS[name] ?? DEFAULT_DEADLINE_SECONDS) };
        channel.makeUnaryRequest(method.path, method.serialize, method.deserialize, request, options, (error, answer) =>
          error ? reject(asCriError(name, error)) : resolve(answer as never),
        );
      });
  };
  return {
    version: call('Version'),
    status: call('Status'),
    runPodSandbox: call('RunPodSandbox'),
    stopPodSandbox: call('StopPodSandbox'),
    removePodSandbox: call('RemovePodSandbox'),
    podSandboxStatus: call('PodSandboxStatus'),
    listPodSandbox: call('ListPodSandbox'),
    createContainer: call('CreateContainer'),
    startContainer: call('StartContainer'),
    stopContainer: call('StopContainer'),
    removeContainer: call('RemoveContainer'),
    listContainers: call('ListContainers'),
    containerStatus: call('ContainerStatus'),
    updateContainerResources: call('UpdateContainerResources'),
    reopenContainerLog: call('ReopenContainerLog'),
    execSync: call('ExecSync'),
    exec: call('Exec'),
    attach: call('Attach'),
    portForward: call('PortForward'),
    listContainerStats: call('ListContainerStats'),
    listImages: call('ListImages'),
    imageStatus: call('ImageStatus'),
    pullImage: call('PullImage'),
    removeImage: call('RemoveImage'),
    imageFsInfo: call('ImageFsInfo'),
    async *containerEvents(signal) {
      const method = methods.get('GetContainerEvents') as Method;
      const stream = channel.makeServerStreamRequest(method.path, method.serialize, method.deserialize, {});
      const cancel = (): void => stream.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      try {
        for await (const event of stream) yield event as Cri.ContainerEventResponse;
      } catch (error) {
        if (!signal.aborted) throw asCriError('GetContainerEvents', error as grpc.ServiceError);
      } finally {
        signal.removeEventListener('abort', cancel);
        stream.cancel();
      }
    },
    close: () => channel.close(),
  };
};

interface Method {
  path: string;
  serialize: (request: object) => Buffer;
  deserialize: (bytes: Buffer) => object;
}

const NO_BYTES = Buffer.alloc(0);

const loadMethods = (): Map<string, Method> => {
  // Without Long, protobufjs reads 64-bit integers as numbers, which is what this client promises.
  protobuf.util.Long = undefined as never;
  protobuf.configure();
  const root = protobuf.Root.fromJSON(descriptor as protobuf.INamespace);
  const methods = new Map<string, Method>();
  for (const service of ['RuntimeService', 'ImageService'])
    for (const method of root.lookupService(`runtime.v1.${service}`).methodsArray) {
      const request = root.lookupType(`runtime.v1.${method.requestType}`);
      const response = root.lookupType(`runtime.v1.${method.responseType}`);
      // For bytes that were not sent protobufjs answers an array, and this client promises buffers.
      for (const field of response.fieldsArray) if (field.type === 'bytes') response.ctor.prototype[field.name] = NO_BYTES;
      methods.set(method.name, {
        path: `/runtime.v1.${service}/${method.name}`,
        serialize: (message) => Buffer.from(request.encode(request.fromObject(message)).finish()),
        deserialize: (bytes) => response.decode(bytes),
      });
    }
  return methods;
};

const CODES: Partial<Record<number, CriErrorCode>> = {
  [grpc.status.NOT_FOUND]: 'NOT_FOUND',
  [grpc.status.ALREADY_EXISTS]: 'ALREADY_EXISTS',
  [grpc.status.DEADLINE_EXCEEDED]: 'DEADLINE_EXCEEDED',
  [grpc.status.UNAVAILABLE]: 'UNAVAILABLE',
  [grpc.status.UNIMPLEMENTED]: 'UNIMPLEMENTED',
  [grpc.status.CANCELLED]: 'CANCELLED',
};

/** The message is `rpc error: code = NotFound desc = ...`, as people know it from kubelet's events. */
const asCriError = (method: string, error: grpc.ServiceError): CriError => {
  const goName = (grpc.status[error.code] ?? 'UNKNOWN').toLowerCase().replace(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase());
  return new CriError(method, CODES[error.code] ?? 'OTHER', `rpc error: code = ${goName} desc = ${error.details}`);
};
