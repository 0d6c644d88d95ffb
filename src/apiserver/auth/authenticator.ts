import type { IncomingHttpHeaders } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { statusError } from '../../api/meta/status.ts';
import type { UserInfo } from '../../api/transport.ts';
import type { TokenAuthenticator } from './token-authenticator.ts';

export const ANONYMOUS: UserInfo = Object.freeze({ name: 'system:anonymous', groups: Object.freeze(['system:unauthenticated']) });
export const AUTHENTICATED = 'system:authenticated';

export const unauthorized = () => statusError(401, 'Unauthorized', 'Unauthorized');

/** What a connection has shown: who it is and until when (milliseconds since the epoch), nothing, or a certificate that does not hold. */
type Shown = { user: UserInfo; until: number } | 'nothing' | 'invalid';

/**
 * Who asks: the client certificate's CN and O, or the bearer's token, or nobody. A certificate is read once for a connection, and judged by the
 * clock with every request, as a connection may outlive it. Throws 401 for a token that nobody vouches for, and, as upstream does, for a certificate
 * that does not hold (expired, of another authority, not for clients) unless a token beside it does.
 */
export class Authenticator {
  readonly #tokens: TokenAuthenticator;
  readonly #now: () => number;
  readonly #ofSocket = new WeakMap<TLSSocket, Shown>();

  constructor({ tokens, now }: { tokens: TokenAuthenticator; now: () => number }) {
    this.#tokens = tokens;
    this.#now = now;
  }

  /** A promise only where a token must be looked at. */
  authenticate(socket: TLSSocket, headers: IncomingHttpHeaders): UserInfo | Promise<UserInfo> {
    let shown = this.#ofSocket.get(socket);
    if (shown === undefined) {
      shown = certificateOf(socket);
      this.#ofSocket.set(socket, shown);
    }
    if (typeof shown === 'object' && this.#now() <= shown.until) return shown.user;
    const token = tokenIn(headers);
    if (token !== undefined) return this.#byToken(token);
    if (shown !== 'nothing') throw unauthorized();
    return ANONYMOUS;
  }

  async #byToken(token: string): Promise<UserInfo> {
    const found = await this.#tokens.authenticate(token);
    if (!found) throw unauthorized();
    return found.user;
  }
}

const certificateOf = (socket: TLSSocket): Shown => {
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return 'nothing';
  if (socket.authorized !== true) return 'invalid';
  const { subject } = certificate.toLegacyObject() as { subject?: { CN?: string | string[]; O?: string | string[] } };
  const name = Array.isArray(subject?.CN) ? subject.CN[0] : subject?.CN;
  if (!name) return 'nothing';
  const groups = subject?.O === undefined ? [] : Array.isArray(subject.O) ? subject.O : [subject.O];
  return { user: Object.freeze({ name, groups: Object.freeze([...groups, AUTHENTICATED]) }), until: Date.parse(certificate.validTo) };
};

const tokenIn = ({ authorization, 'sec-websocket-protocol': protocol }: IncomingHttpHeaders): string | undefined => {
  if (authorization === undefined) return typeof protocol === 'string' ? tokenOfProtocol(protocol) : undefined;
  const [scheme, token] = authorization.split(' ', 2);
  return scheme?.toLowerCase() === 'bearer' && token ? token : undefined;
};

const TOKEN_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

/** Browsers cannot set headers on a WebSocket: the token travels as a sub-protocol. */
const tokenOfProtocol = (protocols: string): string | undefined => {
  for (const protocol of protocols.split(',')) {
    const text = protocol.trim();
    if (text.startsWith(TOKEN_PROTOCOL)) return Buffer.from(text.slice(TOKEN_PROTOCOL.length), 'base64url').toString('utf8');
  }
  return undefined;
};
