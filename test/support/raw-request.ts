/** One HTTPS request as it is, over HTTP/1.1, with nothing done to the answer. */
import { request } from 'node:https';

export interface RawRequest {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

export interface RawAnswer {
  code: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** Parsed, where it is JSON. */
  json: any;
}

export const rawRequest = (
  server: { url: string; caPem: string; cert?: string | undefined; key?: string | undefined },
  { method = 'GET', path, headers = {}, body }: RawRequest,
): Promise<RawAnswer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(server.url);
    const outgoing = request(
      {
        host: hostname,
        port,
        path,
        method,
        ca: server.caPem,
        cert: server.cert,
        key: server.key,
        headers: body === undefined ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body)) },
        agent: false,
      },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('error', reject);
        answer.on('end', () => {
          const text = Buffer.concat(parts).toString('utf8');
          let json: any;
          try {
            json = JSON.parse(text);
          } catch {
            json = undefined; // Plain text is an answer too.
          }
          resolve({ code: answer.statusCode ?? 0, headers: answer.headers, text, json });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
