import type { IncomingHttpHeaders } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { statusError } from '../../api/meta/status.ts';
import type { UserInfo } from '../../api/transport.ts';
import type { TokenAuthenticator } from './token-authenticator.ts';

export const ANONYMOUS: UserInfo = Object.freeze({ name: 'system:anonymous', groups: Object.freeze(['system:unauthenticated']) });
export const AUTHENTICATED = 'system:authenticated';

export const unauthorized = () => statusError(401, 'Unauthorized', 'Unauthorized');

/**
 * Who asks: the client certificate's CN and O, or the bearer's token, or nobody. A certificate is read once for a connection. Throws 401
 * for a token that nobody vouches for; a certificate of another authority counts as none, as upstream has it.
 */
export class Authenticator {
  readonly #tokens: TokenAuthenticator;
  readonly #ofSocket = new WeakMap<TLSSocket, UserInfo | null>();

  constructor(tokens: TokenAuthenticator) {
    this.#tokens = tokens;
  }

  /** A promise only where a token must be looked at. */
  authenticate(socket: TLSSocket, headers: IncomingHttpHeaders): UserInfo | Promise<UserInfo> {
    let user = this.#ofSocket.get(socket);
    if (user === undefined) {
      user = certificateUser(socket) ?? null;
      this.#ofSocket.set(socket, user);
    }
    if (user !== null) return user;
    const authorization = headers.authorization;
    if (authorization === undefined) {
      const protocol = headers['sec-websocket-protocol'];
      const token = typeof protocol === 'string' ? tokenOfProtocol(protocol) : undefined;
      return token === undefined ? ANONYMOUS : this.#byToken(token);
    }
    const [scheme, token] = authorization.split(' ', 2);
    if (scheme?.toLowerCase() !== 'bearer' || !token) return ANONYMOUS;
    return this.#byToken(token);
  }

  async #byToken(token: string): Promise<UserInfo> {
    const found = await this.#tokens.authenticate(token);
    if (!found) throw unauthorized();
    return found.user;
  }
}

const certificateUser = (socket: TLSSocket): UserInfo | undefined => {
  if (socket.authorized !== true) return undefined;
  const certificate = socket.getPeerCertificate();
  const subject = certificate?.subject as { CN?: string | string[]; O?: string | string[] } | undefined;
  const name = Array.isArray(subject?.CN) ? subject.CN[0] : subject?.CN;
  if (!name) return undefined;
  const groups = subject?.O === undefined ? [] : Array.isArray(subject.O) ? subject.O : [subject.O];
  return Object.freeze({ name, groups: Object.freeze([...groups, AUTHENTICATED]) });
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
