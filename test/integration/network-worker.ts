/** Runs inside one network namespace for a test: listens and connects as it is told, one JSON line a command on stdin. */
import dgram from 'node:dgram';
import net from 'node:net';
import { createInterface } from 'node:readline';

type Command =
  | { id: number; do: 'listen'; protocol: 'tcp' | 'udp'; port: number; text: string; delayMs?: number }
  | { id: number; do: 'ask'; protocol: 'tcp' | 'udp'; host: string; port: number; waitMs: number; localPort?: number };

const listen = (command: Extract<Command, { do: 'listen' }>): Promise<string> =>
  new Promise((resolve, reject) => {
    if (command.protocol === 'tcp') {
      const server = net.createServer((socket) => {
        socket.on('error', () => {});
        const answer = (): unknown => socket.end(`${command.text} ${socket.remoteAddress?.replace('::ffff:', '')}`);
        if (command.delayMs) setTimeout(answer, command.delayMs);
        else answer();
      });
      server.on('error', reject);
      server.listen({ port: command.port, host: '0.0.0.0', backlog: 1_024 }, () => resolve('listening'));
    } else {
      const socket = dgram.createSocket('udp4');
      socket.on('message', (_message, from) => socket.send(`${command.text} ${from.address}`, from.port, from.address));
      socket.on('error', reject);
      socket.bind(command.port, '0.0.0.0', () => resolve('listening'));
    }
  });

/** UDP sockets by local port, so that one flow can be used again. */
const udpSockets = new Map<number, dgram.Socket>();

const ask = (command: Extract<Command, { do: 'ask' }>): Promise<string> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve('timeout'), command.waitMs);
    const finish = (text: string): void => {
      clearTimeout(timer);
      resolve(text);
    };
    if (command.protocol === 'tcp') {
      const socket = net.connect({ host: command.host, port: command.port });
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('end', () => finish(text));
      socket.on('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
      setTimeout(() => socket.destroy(), command.waitMs);
      return;
    }
    const localPort = command.localPort ?? 0;
    const socket = udpSockets.get(localPort) ?? dgram.createSocket('udp4');
    socket.removeAllListeners('message');
    socket.on('message', (message) => finish(message.toString()));
    socket.on('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
    const send = (): void => socket.send('hello', command.port, command.host);
    if (localPort !== 0 && udpSockets.has(localPort)) send();
    else socket.bind(localPort, send);
    if (localPort !== 0) udpSockets.set(localPort, socket);
  });

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  const answer = command.do === 'listen' ? listen(command) : ask(command);
  answer.then(
    (text) => process.stdout.write(`${JSON.stringify({ id: command.id, text })}\n`),
    (error: Error) => process.stdout.write(`${JSON.stringify({ id: command.id, text: `failed: ${error.message}` })}\n`),
  );
}
process.exit(0);
