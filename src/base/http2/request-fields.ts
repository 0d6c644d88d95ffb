import type { IncomingHttpHeaders } from 'node:http2';
import { type Field, fieldBytes } from './hpack-decoder.ts';

/** The head of a request. */
export interface RequestHead {
  readonly method: string;
  /** Path and query as sent. */
  readonly path: string;
  /** Names in small letters, and `:authority`. Repeated ones are joined as node joins them. */
  readonly headers: IncomingHttpHeaders;
  /** As declared. */
  readonly contentLength: number | undefined;
}

/** Of these the first counts. */
const SINGLE: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'content-type',
  'from',
  'host',
  'if-modified-since',
  'if-unmodified-since',
  'max-forwards',
  'proxy-authorization',
  'referer',
  'user-agent',
]);
/** Of HTTP/1.1 connections: forbidden here. */
const OF_CONNECTIONS: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);
const PSEUDO: ReadonlySet<string> = new Set([':method', ':path', ':scheme', ':authority']);
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these may not be in a value.
const BAD_VALUE = /[\u0000\r\n]/;
const METHOD = /^[A-Za-z!#$%&'*+\-.^_`|~0-9]+$/;

/** Takes the fields of one header block, and makes a request of them. */
export class RequestFields {
  readonly #mostBytes: number;
  readonly #headers: Record<string, string | string[]> = Object.create(null);
  readonly #pseudo: Record<string, string> = Object.create(null);
  #bytes = 0;
  #hasPlain = false;
  #isMalformed = false;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** More than may be sent: what came is not kept. */
  get isTooLarge(): boolean {
    return this.#bytes > this.#mostBytes;
  }

  readonly take = (field: Field): void => {
    this.#bytes += fieldBytes(field);
    if (this.isTooLarge || this.#isMalformed) return;
    const [name, value] = field;
    if (BAD_VALUE.test(value)) this.#isMalformed = true;
    else if (name.startsWith(':')) this.#takePseudo(name, value);
    else this.#takePlain(name, value);
  };

  #takePseudo(name: string, value: string): void {
    if (this.#hasPlain || !PSEUDO.has(name) || name in this.#pseudo) this.#isMalformed = true;
    this.#pseudo[name] = value;
  }

  #takePlain(name: string, value: string): void {
    this.#hasPlain = true;
    if (!NAME.test(name) || OF_CONNECTIONS.has(name) || (name === 'te' && value !== 'trailers')) {
      this.#isMalformed = true;
      return;
    }
    const known = this.#headers[name];
    if (known === undefined) this.#headers[name] = name === 'set-cookie' ? [value] : value;
    else if (Array.isArray(known)) known.push(value);
    else if (!SINGLE.has(name)) this.#headers[name] = `${known}${name === 'cookie' ? '; ' : ', '}${value}`;
    else if (name === 'content-length' && known !== value) this.#isMalformed = true;
  }

  /** Undefined when they are no request (RFC 9113, 8.1.1). */
  request(): RequestHead | undefined {
    const { ':method': method, ':path': path, ':scheme': scheme, ':authority': authority } = this.#pseudo;
    const declared = this.#headers['content-length'];
    if (this.#isMalformed || !method || !METHOD.test(method) || !scheme || !path?.startsWith('/')) return undefined;
    if (declared !== undefined && !/^\d{1,15}$/.test(declared as string)) return undefined;
    if (authority !== undefined) this.#headers[':authority'] = authority;
    return { method, path, headers: this.#headers, contentLength: declared === undefined ? undefined : Number(declared) };
  }
}
