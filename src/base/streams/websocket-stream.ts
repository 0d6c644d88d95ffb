import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** More than this waiting in the socket holds the writer back. */
const HIGH_WATER_BYTES = 1024 * 1024;

/** A WebSocket as a stream of bytes: every write is one binary message, every message is read as its bytes. */
export const createWebSocketStream = (socket: WebSocket): Duplex => {
  const stream = new Duplex({
    allowHalfOpen: false,
    read: () => socket.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      if (socket.readyState !== socket.OPEN) return done(new Error('WebSocket is closed'));
      if (socket.bufferedAmount < HIGH_WATER_BYTES) {
        socket.send(chunk, { binary: true });
        done();
      } else socket.send(chunk, { binary: true }, (error) => done(error));
    },
    final: (done) => {
      socket.close(1000);
      done();
    },
    destroy: (error, done) => {
      socket.terminate();
      done(error);
    },
  });
  socket.on('message', (data: Buffer) => {
    if (!stream.push(data)) socket.pause();
  });
  socket.on('close', () => {
    stream.push(null);
    stream.destroy();
  });
  socket.on('error', (error) => stream.destroy(error));
  return stream;
};
