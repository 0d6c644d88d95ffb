import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants, type OutgoingHttpHeaders } from 'node:http2';
import { isIP } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { urlAddress } from '../../base/net/url-address.ts';

export interface ConnectionSettings extends Credentials {
  /** The name that the server's certificate must carry, where it is not the URL's host. */
  serverName?: string | undefined;
  insecureSkipTlsVerify?: boolean | undefined;
  /** How long a server may take to answer at all. */
  connectTimeoutMs: number;
  /** How long the TLS handshake may take after that: who answered is there, and may be slow [30 s, or connectTimeoutMs where that is longer]. */
  handshakeTimeoutMs?: number | undefined;
  /** How often an idle session is asked whether it lives; an answer that takes as long ends it. */
  pingIntervalMs: number;
}

/** PEM. */
export interface Credentials {
  ca?: string | Buffer | undefined;
  cert?: string | Buffer | undefined;
  key?: string | Buffer | undefined;
}

/** Nothing was sent, or the server said that it did nothing: any request may be tried again. */
export class NotSentError extends Error {}

/**
 * One HTTP/2 session to one server, made on first use and again after it broke. While no request is under way it does not keep
 * the process alive.
 *
 *   none --open()--> connecting --> open --goaway, error, missed ping--> none
 */
export class Http2Connection {
  readonly url: string;
  #settings: ConnectionSettings;
  #session: Promise<ClientHttp2Session> | undefined;
  /** The one that `#session` waits for. */
  #opening: TLSSocket | undefined;
  #underWay = 0;

  constructor(url: string, settings: ConnectionSettings) {
    this.url = url;
    this.#settings = settings;
  }

  /** Throws `NotSentError` when nobody answers. The stream keeps the session referenced until it closes. */
  async request(
    headers: OutgoingHttpHeaders,
    options: { endStream: boolean; signal?: AbortSignal | undefined },
  ): Promise<ClientHttp2Stream> {
    this.#session ??= this.#open();
    const session = await this.#session;
    if (session.closed || session.destroyed) {
      this.#session = undefined;
      throw new NotSentError('the connection was closed');
    }
    this.#underWay += 1;
    session.ref();
    try {
      const stream = session.request(headers, { endStream: options.endStream, ...(options.signal ? { signal: options.signal } : {}) });
      stream.once('close', () => this.#released(session));
      return stream;
    } catch (error) {
      this.#released(session);
      throw new NotSentError('the connection takes no more requests', { cause: error });
    }
  }

  /** Requests from now on go by a new session that shows these; what is under way on the old one ends on it. */
  renew(credentials: Credentials): void {
    this.#settings = { ...this.#settings, ...credentials };
    const old = this.#session;
    this.#session = undefined;
    void old?.then(
      (session) => session.close(),
      // It never came to be.
      () => {},
    );
  }

  /** A handshake under way is not waited for. */
  async close(): Promise<void> {
    this.#opening?.destroy(new Error('the connection was closed'));
    const session = await this.#session?.catch(() => undefined);
    this.#session = undefined;
    session?.destroy();
  }

  #released(session: ClientHttp2Session): void {
    this.#underWay -= 1;
    if (this.#underWay === 0 && !session.destroyed) session.unref();
  }

  #open(): Promise<ClientHttp2Session> {
    const { ca, cert, key, serverName, insecureSkipTlsVerify, connectTimeoutMs, handshakeTimeoutMs } = this.#settings;
    const { promise, resolve, reject } = Promise.withResolvers<ClientHttp2Session>();
    const { host, port } = urlAddress(new URL(this.url));
    const socket = connectTls({
      host,
      port,
      ALPNProtocols: ['h2'],
      servername: serverName ?? (isIP(host) ? '' : host),
      ...(ca ? { ca } : {}),
      ...(cert ? { cert } : {}),
      ...(key ? { key } : {}),
      ...(insecureSkipTlsVerify ? { rejectUnauthorized: false } : {}),
    });
    const session = connect(this.url, {
      createConnection: () => socket,
      settings: { initialWindowSize: STREAM_WINDOW_BYTES, enablePush: false },
      maxSessionMemory: 1000,
    });
    this.#opening = socket;
    const opened = (): void => {
      clearTimeout(timer);
      if (this.#opening === socket) this.#opening = undefined;
    };
    // A session that is destroyed waits for its socket, which may connect for minutes where packets are dropped.
    const giveUpAfter = (ms: number, what: string) => setTimeout(() => socket.destroy(new Error(`no ${what} within ${ms} ms`)), ms);
    let timer = giveUpAfter(connectTimeoutMs, 'connection');
    socket.once('connect', () => {
      clearTimeout(timer);
      if (!session.destroyed) timer = giveUpAfter(handshakeTimeoutMs ?? Math.max(connectTimeoutMs, HANDSHAKE_MS), 'TLS handshake');
    });
    let cause: Error | undefined;
    session.once('connect', () => {
      opened();
      // Node.js says so of a session too that was given up as its handshake was under way, on a computer that is slow.
      if (session.destroyed) return;
      session.setLocalWindowSize(SESSION_WINDOW_BYTES);
      this.#keepAlive(session);
      resolve(session);
    });
    session.on('error', (error) => {
      cause = error;
    });
    session.once('goaway', () => this.#forget(session));
    session.once('close', () => {
      opened();
      this.#forget(session);
      reject(new NotSentError(cause?.message ?? 'the connection was closed', { cause }));
    });
    return promise;
  }

  /** New requests open a new session; what is under way on the old one may finish. */
  #forget(closing: ClientHttp2Session): void {
    const held = this.#session;
    if (!held) return;
    void held.then(
      (session) => {
        if (session === closing && this.#session === held) this.#session = undefined;
      },
      () => {
        if (this.#session === held) this.#session = undefined;
      },
    );
    if (closing.connecting || closing.destroyed) this.#session = undefined;
  }

  #keepAlive(session: ClientHttp2Session): void {
    const { pingIntervalMs } = this.#settings;
    let answered = true;
    const timer = setInterval(() => {
      // Its end is told a moment later.
      if (session.destroyed) return;
      if (!answered) {
        session.destroy(new Error(`no answer to a ping for ${pingIntervalMs} ms`), constants.NGHTTP2_CANCEL);
        return;
      }
      answered = false;
      session.ping((error) => {
        if (!error) answered = true;
      });
    }, pingIntervalMs);
    timer.unref();
    session.once('close', () => clearInterval(timer));
  }
}

const HANDSHAKE_MS = 30_000;
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;
const SESSION_WINDOW_BYTES = 32 * 1024 * 1024;
