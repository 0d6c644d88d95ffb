import { X509Certificate } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { statusError } from '../../api/meta/status.ts';
import type { UserInfo } from '../../api/transport.ts';
import type { TokenAuthenticator } from './token-authenticator.ts';

export const ANONYMOUS: UserInfo = Object.freeze({ name: 'system:anonymous', groups: Object.freeze(['system:unauthenticated']) });
export const AUTHENTICATED = 'system:authenticated';

export const unauthorized = () => statusError(401, 'Unauthorized', 'Unauthorized');

/** What a connection has shown: who it is, by which certificate and until when; nothing; or a certificate that does not hold. */
type Shown = Identity | 'nothing' | 'invalid';

interface Identity {
  user: UserInfo;
  /** Milliseconds since the epoch. */
  until: number;
  certificate: X509Certificate;
  /** Of the authorities by which it was found good. */
  trust: object;
}

/**
 * Who asks: the client certificate's CN and O, or the bearer's token, or nobody. A certificate is read once for a connection, and judged with every
 * request by the clock and the authorities of now, as a connection may outlive both. Throws 401 for a token that nobody vouches for, and, as upstream does, for a certificate
 * that does not hold (expired, of another authority, not for clients) unless a token beside it does.
 */
export class Authenticator {
  readonly #tokens: TokenAuthenticator;
  readonly #now: () => number;
  readonly #ofSocket = new WeakMap<TLSSocket, Shown>();
  #authorities: readonly X509Certificate[];

  constructor({ tokens, now, clientCaPem }: { tokens: TokenAuthenticator; now: () => number; clientCaPem: string }) {
    this.#tokens = tokens;
    this.#now = now;
    this.#authorities = certificatesIn(clientCaPem);
  }

  /** Other authorities from now on, also for connections that are open. */
  trust(clientCaPem: string): void {
    this.#authorities = certificatesIn(clientCaPem);
  }

  /** A promise only where a token must be looked at. */
  authenticate(socket: TLSSocket, headers: IncomingHttpHeaders): UserInfo | Promise<UserInfo> {
    let shown = this.#ofSocket.get(socket);
    if (shown === undefined) {
      // That it is of a trusted authority, and for clients, the handshake has found.
      shown = certificateOf(socket, this.#authorities);
      this.#ofSocket.set(socket, shown);
    } else if (typeof shown === 'object' && shown.trust !== this.#authorities) {
      shown = this.#isTrusted(shown.certificate) ? { ...shown, trust: this.#authorities } : 'invalid';
      this.#ofSocket.set(socket, shown);
    }
    if (typeof shown === 'object' && this.#now() <= shown.until) return shown.user;
    const token = tokenIn(headers);
    if (token !== undefined) return this.#byToken(token);
    if (shown !== 'nothing') throw unauthorized();
    return ANONYMOUS;
  }

  /** Our authorities sign leaves only: there is no chain to go through. */
  #isTrusted(certificate: X509Certificate): boolean {
    return this.#authorities.some((authority) => certificate.checkIssued(authority) && certificate.verify(authority.publicKey));
  }

  async #byToken(token: string): Promise<UserInfo> {
    const found = await this.#tokens.authenticate(token);
    if (!found) throw unauthorized();
    return found.user;
  }
}

const certificatesIn = (pem: string): X509Certificate[] =>
  (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((text) => new X509Certificate(text));

const certificateOf = (socket: TLSSocket, trust: object): Shown => {
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return 'nothing';
  if (socket.authorized !== true) return 'invalid';
  const { subject } = certificate.toLegacyObject() as { subject?: { CN?: string | string[]; O?: string | string[] } };
  const name = Array.isArray(subject?.CN) ? subject.CN[0] : subject?.CN;
  if (!name) return 'nothing';
  const groups = subject?.O === undefined ? [] : Array.isArray(subject.O) ? subject.O : [subject.O];
  const user = Object.freeze({ name, groups: Object.freeze([...groups, AUTHENTICATED]) });
  return { user, until: Date.parse(certificate.validTo), certificate, trust };
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
