import { createServer, type Server, type Socket } from 'node:net';
import { pathOf } from '../../api/meta/object.ts';
import { createSpdyConnection, type SpdyConnection } from '../../base/streams/spdy.ts';
import { createWebSocketStream } from '../../base/streams/websocket-stream.ts';
import type { Pod } from './pods-of.ts';
import { builtinResource } from './resource-catalog.ts';
import type { Session } from './session.ts';
import { openWebSocket } from './upgrade.ts';

/** Port-forward's tunnel to one pod: SPDY frames inside a WebSocket. */
export const openTunnel = async (session: Session, pod: Pod): Promise<SpdyConnection> => {
  const path = pathOf(builtinResource('pods'), { namespace: pod.metadata.namespace, name: pod.metadata.name, subresource: 'portforward' });
  const socket = await openWebSocket(session, path, [], ['SPDY/3.1+portforward.k8s.io']);
  return createSpdyConnection(createWebSocketStream(socket), { role: 'client' });
};

/** Carries one TCP connection to a port of the pod. Both streams of the pair name it by `requestID`. */
export const carryConnection = async (
  tunnel: SpdyConnection,
  socket: Socket,
  options: { port: number; id: number; onError: (message: string) => void },
): Promise<void> => {
  const headers = { port: String(options.port), requestid: String(options.id) };
  const errors = await tunnel.openStream({ ...headers, streamtype: 'error' }, { fin: true });
  const data = await tunnel.openStream({ ...headers, streamtype: 'data' });
  const said: Buffer[] = [];
  errors.on('data', (chunk: Buffer) => said.push(chunk));
  errors.on('end', () => {
    if (!said.length) return;
    options.onError(Buffer.concat(said).toString('utf8'));
    socket.destroy();
  });
  socket.on('error', () => data.reset());
  socket.on('close', () => {
    if (!data.readableEnded) data.reset();
  });
  data.on('close', () => socket.destroySoon());
  socket.pipe(data);
  data.pipe(socket);
};

/** Listens on one address. Rejects with the error of `listen`. */
export const listen = (address: string, port: number, onConnection: (socket: Socket) => void): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true }, onConnection);
    server.once('error', reject);
    server.listen(port, address, () => resolve(server));
  });
