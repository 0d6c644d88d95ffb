import type { IncomingMessage } from 'node:http';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';

/** Opens a streaming URL of the runtime (from Exec, Attach or PortForward) and upgrades it to SPDY/3.1. */
export const openRuntimeStream = (url: string, protocol: string): Promise<{ socket: Duplex; head: Buffer }> =>
  new Promise((resolve, reject) => {
    const request = httpRequest(url, {
      method: 'POST',
      agent: false,
      headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocol },
    });
    request.on('upgrade', (_response, socket, head) => resolve({ socket, head }));
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => reject(new Error(`the container runtime answered ${response.statusCode}: ${Buffer.concat(chunks)}`)));
    });
    request.on('error', reject);
    request.end();
  });

/** Hands an upgraded request on to the runtime as it came, and the bytes of both ways after it: it speaks SPDY itself. */
export const proxyUpgrade = (request: IncomingMessage, client: Duplex, options: { head: Buffer; url: string }): void => {
  const target = new URL(options.url);
  const upstream = connect({ host: target.hostname, port: Number(target.port) }, () => {
    const lines = [`${request.method} ${target.pathname}${target.search} HTTP/1.1`, `Host: ${target.host}`];
    for (const [name, value] of Object.entries(request.headers)) {
      if (name === 'host' || name === 'authorization') continue;
      for (const one of [value ?? []].flat()) lines.push(`${name}: ${one}`);
    }
    upstream.write(`${lines.join('\r\n')}\r\n\r\n`);
    if (options.head.length > 0) upstream.write(options.head);
    join(client, upstream);
  });
  upstream.on('error', () => client.destroy());
};

/** Pipes both ways until both have ended; a break of one breaks the other. */
export const join = (left: Duplex, right: Duplex): void => {
  left.pipe(right);
  right.pipe(left);
  for (const [one, other] of [
    [left, right],
    [right, left],
  ] as const) {
    one.on('error', () => other.destroy());
    one.on('close', () => {
      // What has been read already is still to be written out.
      if (!other.writableEnded) other.end();
    });
  }
};
