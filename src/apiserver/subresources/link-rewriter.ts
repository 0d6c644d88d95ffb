import { Transform } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

export interface LinkRewriting {
  /** What stands before the path of the application, in the URL that the client asked for. */
  readonly prefix: string;
  /** Hosts that mean the application: its own address, and the one that the client called. */
  readonly hosts: readonly string[];
}

/** A tag longer than this goes through as it is: what an application sends must not make the server hold or search much. */
const MAX_TAG = 8_192;

/** Which attributes of which elements hold URLs. */
const LINKS: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['src', 'usemap', 'formaction'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
};

/** A URL of the application as the client has to ask for it. Relative ones and those of other hosts stay. */
export const rewriteUrl = (url: string, { prefix, hosts }: LinkRewriting): string => {
  const [, host, rest] = /^(?:(?:https?:)?\/\/([^/?#]*))?(\/.*)?$/s.exec(url) ?? [];
  if (rest === undefined || (host !== undefined && !hosts.includes(host)) || rest.startsWith(`${prefix}/`)) return url;
  return `${prefix}${rest}`;
};

const rewriteTag = (tag: string, rewriting: LinkRewriting): string => {
  const element = /^<([a-zA-Z]+)/.exec(tag)?.[1]?.toLowerCase() ?? '';
  const names = LINKS[element];
  if (!names) return tag;
  return tag.replace(/(\s)([a-zA-Z]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)/g, (whole, space, name, equals, value) => {
    if (!names.includes(name.toLowerCase())) return whole;
    const quote = value[0] === '"' || value[0] === "'" ? value[0] : '';
    const url = quote ? value.slice(1, -1) : value;
    const changed = rewriteUrl(url, rewriting);
    return changed === url ? whole : `${space}${name}${equals}${quote}${changed.replace(/["'<>]/g, encodeURIComponent)}${quote}`;
  });
};

/** Where the tag that begins at `at` ends, after its '>'; -1 when the text ends first. A '>' in quotes does not end it. */
const endOfTag = (text: string, at: number): number => {
  let quote = '';
  for (let index = at + 1; index < text.length && index < at + MAX_TAG; index++) {
    const sign = text[index] as string;
    if (quote) {
      if (sign === quote) quote = '';
    } else if (sign === '>') return index + 1;
    else if (sign === '"' || sign === "'") quote = sign;
  }
  return -1;
};

/** HTML with its links rewritten, as it comes. */
export const rewriteLinks = (rewriting: LinkRewriting): Transform => {
  const decoder = new StringDecoder('utf8');
  let held = '';
  const take = (text: string, isLast: boolean): string => {
    let out = '';
    let at = 0;
    for (;;) {
      const begin = text.indexOf('<', at);
      if (begin < 0) break;
      const end = endOfTag(text, begin);
      if (end < 0 && !isLast && text.length - begin < MAX_TAG) {
        held = text.slice(begin);
        return out + text.slice(at, begin);
      }
      // What was searched in vain is not searched again, so that the whole takes time in proportion to its length.
      const next = end < 0 ? Math.min(begin + MAX_TAG, text.length) : end;
      const tag = text.slice(begin, next);
      out += text.slice(at, begin) + (end < 0 ? tag : rewriteTag(tag, rewriting));
      at = next;
    }
    held = '';
    return out + text.slice(at);
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      done(null, take(held + decoder.write(chunk), false));
    },
    flush(done) {
      done(null, take(held + decoder.end(), true));
    },
  });
};
