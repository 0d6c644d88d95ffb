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
  const socket = new WebSocket(url, [...protocols], {
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
