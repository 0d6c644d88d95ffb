import grpc from '@grpc/grpc-js';
import type { CriClient } from './cri-client.ts';

/**
 * Tells at once when the main process of a container or sandbox has ended: its ID. From containerd's own event service, which
 * every version has; else from CRI's event stream (containerd 1.7, CRI-O). CRI itself may know of it a few milliseconds later.
 * Throws when the runtime has neither or goes away: then the caller polls, and asks again later.
 */
export async function* runtimeEvents(options: { socketPath: string; cri: CriClient; signal: AbortSignal }): AsyncIterable<string> {
  const { socketPath, cri, signal } = options;
  let hasBegun = false;
  try {
    for await (const id of containerdEvents(socketPath, signal)) {
      hasBegun = true;
      yield id;
    }
  } catch (error) {
    const isUnknown = (error as grpc.ServiceError).code === grpc.status.UNIMPLEMENTED;
    if (hasBegun || !isUnknown) throw error;
  }
  if (!signal.aborted) for await (const event of cri.containerEvents(signal)) yield event.containerId;
}

const FILTER = 'namespace==k8s.io,topic=="/tasks/exit"';

async function* containerdEvents(socketPath: string, signal: AbortSignal): AsyncIterable<string> {
  const client = new grpc.Client(`unix:${socketPath}`, grpc.credentials.createInsecure(), { 'grpc.default_authority': 'localhost' });
  const request = Buffer.concat([Buffer.from([0x0a, FILTER.length]), Buffer.from(FILTER)]);
  const stream = client.makeServerStreamRequest(
    '/containerd.services.events.v1.Events/Subscribe',
    (bytes: Buffer) => bytes,
    (bytes: Buffer) => bytes,
    request,
  );
  const cancel = (): void => stream.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    for await (const envelope of stream) {
      // Envelope.event (4) is an Any whose value (2) is a TaskExit with container_id (1) and id (2): another one for an exec.
      const event = field(field(envelope as Buffer, 4), 2);
      const id = field(event, 1)?.toString();
      if (id && id === field(event, 2)?.toString()) yield id;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', cancel);
    stream.cancel();
    client.close();
  }
}

/** A length-delimited field of a protobuf message. */
const field = (message: Buffer | undefined, wanted: number): Buffer | undefined => {
  if (!message) return undefined;
  let offset = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; offset < message.length; shift += 7) {
      const byte = message[offset++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  while (offset < message.length) {
    const key = varint();
    const type = key & 7;
    if (type === 0) varint();
    else if (type === 1) offset += 8;
    else if (type === 5) offset += 4;
    else {
      const length = varint();
      if (key >> 3 === wanted) return message.subarray(offset, offset + length);
      offset += length;
    }
  }
  return undefined;
};
