/**
 * The library reads no message literals (`Object.spec{replicas: 3}`, `JSONPatch{op: "add"}`), which mutating policies are made of: they
 * are rewritten to map literals of the same content. Everything else of the expression, strings above all, stays as it is.
 */
export const withoutStructLiterals = (expression: string): string => {
  if (!/\b(Object|JSONPatch)\b/.test(expression)) return expression;
  let out = '';
  let at = 0;
  /** For each open bracket: whether it is a message whose next word is a field. */
  const open: ('message' | 'other')[] = [];
  let expectsField = false;
  while (at < expression.length) {
    const rest = expression.slice(at);
    const text = STRING.exec(rest)?.[0];
    if (text !== undefined) {
      out += text;
      at += text.length;
      expectsField = false;
      continue;
    }
    const message = MESSAGE.exec(rest)?.[0];
    if (message !== undefined) {
      out += '{';
      at += message.length;
      open.push('message');
      expectsField = true;
      continue;
    }
    const word = WORD.exec(rest)?.[0];
    if (word !== undefined) {
      out += expectsField && /^\s*:/.test(rest.slice(word.length)) ? JSON.stringify(unescapeField(word)) : word;
      at += word.length;
      expectsField = false;
      continue;
    }
    const character = rest.charAt(0);
    if (OPENING.has(character)) open.push('other');
    else if (CLOSING.has(character)) open.pop();
    expectsField = character === ',' ? open.at(-1) === 'message' : expectsField && (/\s/.test(character) || character === '?');
    out += character;
    at++;
  }
  return out;
};

const STRING = /^[rRbB]{0,2}("""[\s\S]*?"""|'''[\s\S]*?'''|"(\\.|[^"\\])*"|'(\\.|[^'\\])*')/;
const MESSAGE = /^(Object(\.\w+)*|JSONPatch)\s*\{/;
const WORD = /^[A-Za-z_][\w.]*/;
const OPENING = new Set(['(', '[', '{']);
const CLOSING = new Set([')', ']', '}']);

const ESCAPES: Readonly<Record<string, string>> = { __underscores__: '__', __dot__: '.', __dash__: '-', __slash__: '/' };

/** Field names that are no identifiers are written with escapes: `my__dash__field`. */
const unescapeField = (name: string): string =>
  name.replace(/__(underscores|dot|dash|slash)__/g, (found) => ESCAPES[found] ?? found).replace(/^__(\w+)__$/, '$1');
