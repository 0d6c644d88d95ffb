import type { ClientRequest } from 'node:http';
import WebSocket from 'ws';
import { type Status, StatusError, statusError } from '../../api/meta/status.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Session } from './session.ts';

/** Opens a WebSocket on a path of the API server, with the session's identity. Rejects with the server's Status when it refuses. */
export const openWebSocket = (
  session: Session,
  path: string,
  query: readonly (readonly [string, string])[],
  protocols: readonly string[],
): Promise<WebSocket> => {
  const { endpoint } = session;
  const search = new URLSearchParams(query.map(([name, value]) => [name, value])).toString();
  const url = `${endpoint.server.replace(/^http/, 'ws').replace(/\/$/, '')}${path}${search ? `?${search}` : ''}`;
  const socket = new WebSocket(url, protocols.filter(isToken), {
    ca: endpoint.ca,
    cert: endpoint.cert,
    key: endpoint.key,
    ...(endpoint.serverName ? { servername: endpoint.serverName } : {}),
    rejectUnauthorized: !endpoint.insecureSkipTlsVerify,
    headers: {
      ...(endpoint.token ? { authorization: `Bearer ${endpoint.token}` } : {}),
      ...(endpoint.impersonate ? { 'impersonate-user': endpoint.impersonate.user } : {}),
      'user-agent': 'slipway',
    },
    perMessageDeflate: false,
    handshakeTimeout: 30_000,
    maxPayload: 64 * 1024 * 1024,
    ...(protocols.every(isToken) ? {} : { finishRequest: (request: ClientRequest) => offerAnyway(request, protocols) }),
  });
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket));
    socket.once('error', (error) =>
      reject(new SlipwayError('CONNECTION_REFUSED', { tried: `open a stream to ${endpoint.server}`, cause: error })),
    );
    socket.once('unexpected-response', (_request, response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => reject(refusal(response.statusCode ?? 500, Buffer.concat(chunks).toString('utf8'))));
      response.on('error', reject);
    });
  });
};

/** What the library takes for the name of a protocol. */
const isToken = (name: string): boolean => /^[!#$%&'*+\-.0-9A-Z^_`|a-z~]+$/.test(name);

/** Kubernetes' `SPDY/3.1+portforward.k8s.io` is no token, so the library would refuse to offer it, and to take it as the answer. */
const offerAnyway = (request: ClientRequest, protocols: readonly string[]): void => {
  request.setHeader('sec-websocket-protocol', protocols.join(', '));
  request.prependListener('upgrade', (response) => {
    if (protocols.includes(response.headers['sec-websocket-protocol'] ?? '')) delete response.headers['sec-websocket-protocol'];
  });
  request.end();
};

const refusal = (code: number, text: string): StatusError => {
  try {
    const status = JSON.parse(text) as Status;
    if (status.kind === 'Status') return new StatusError(status);
  } catch {
    // Whoever answered is no API server; its words are the message.
  }
  return statusError(
    code,
    code === 403 ? 'Forbidden' : code === 404 ? 'NotFound' : 'InternalError',
    text.trim() || `unable to upgrade connection: ${code}`,
  );
};
