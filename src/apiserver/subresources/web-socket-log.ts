import type { IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { UpgradeExchange } from '../http/exchange.ts';

const HIGH_WATER_BYTES = 1024 * 1024;
const BASE64 = 'base64.binary.k8s.io';
const PROTOCOLS: ReadonlySet<string> = new Set(['binary.k8s.io', BASE64]);

const server = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  maxPayload: 4096,
  handleProtocols: (offered) => [...offered].find((name) => PROTOCOLS.has(name)) ?? false,
});

/** Sends a plain answer as messages of a WebSocket: bytes, or base64 where the client asked for that. Resolves when it is closed. */
export const sendOverWebSocket = async (
  client: { socket: Duplex; head: Buffer } & Pick<UpgradeExchange, 'headers' | 'method' | 'url'>,
  body: Readable,
): Promise<void> => {
  const socket = await new Promise<WebSocket>((resolve, reject) => {
    const gone = (): void => reject(new Error('the client has gone, or does not speak the protocol'));
    client.socket.once('close', gone);
    // Of the request the library reads these fields alone.
    const request = { headers: client.headers, method: client.method, url: client.url } as unknown as IncomingMessage;
    server.handleUpgrade(request, client.socket, client.head, (opened) => {
      client.socket.off('close', gone);
      resolve(opened);
    });
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => body.destroy());
  socket.once('close', () => body.destroy());
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      const sent = new Promise<void>((resolve) =>
        socket.send(socket.protocol === BASE64 ? chunk.toString('base64') : chunk, () => resolve()),
      );
      if (socket.bufferedAmount > HIGH_WATER_BYTES) await sent;
    }
    socket.close(1000);
  } catch {
    // The agent broke off, or the client closed: there is nobody to tell but by closing.
    socket.close(1011);
  }
  await closed;
};
