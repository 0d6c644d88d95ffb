/**
 * What is wrong with the fields of a JSON text that is known to parse, in the order of the text: keys that stand twice in one object, of
 * which `JSON.parse` keeps only the last, and `unknown` ones, paths as in `spec.containers[0].image`. Those that are not found come last.
 */
export const fieldProblems = (text: string, unknown: readonly string[]): string[] => {
  const left = new Set(unknown);
  const problems = scanFields(text, left).map(({ path, why }) => `${why} field ${JSON.stringify(path)}`);
  return [...problems, ...[...left].map((path) => `unknown field ${JSON.stringify(path)}`)];
};

interface Problem {
  readonly path: string;
  readonly why: 'duplicate' | 'unknown';
}

/** Takes the unknown fields that it finds out of `unknown`. */
const scanFields = (text: string, unknown: Set<string>): Problem[] => {
  const found: Problem[] = [];
  const frames: Frame[] = [];
  let frame: Frame | undefined;
  let position = 0;
  const { length } = text;
  while (position < length) {
    const code = text.charCodeAt(position);
    if (code === QUOTE) {
      const end = endOfString(text, position + 1);
      if (frame?.keys && frame.wantsKey) {
        const raw = text.slice(position + 1, end);
        const key = raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
        if (frame.keys.has(key)) {
          if (found.length < MAX_FOUND) found.push({ path: pathOf(frames, key), why: 'duplicate' });
        } else if (unknown.size > 0) {
          const path = pathOf(frames, key);
          if (unknown.delete(path)) found.push({ path, why: 'unknown' });
        }
        frame.keys.add(key);
        frame.key = key;
        frame.wantsKey = false;
      }
      position = end + 1;
      continue;
    }
    position++;
    if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      frame = { keys: code === OPEN_BRACE ? new Set() : undefined, wantsKey: true, key: '', index: 0 };
      frames.push(frame);
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      frames.pop();
      frame = frames.at(-1);
    } else if (code === COMMA && frame) {
      frame.wantsKey = true;
      frame.index++;
    }
  }
  return found;
};

interface Frame {
  /** The keys so far; undefined for a list. */
  keys: Set<string> | undefined;
  wantsKey: boolean;
  key: string;
  index: number;
}

const [QUOTE, BACKSLASH, COMMA, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x22, 0x5c, 0x2c, 0x7b, 0x7d, 0x5b, 0x5d];
const MAX_FOUND = 100;

const endOfString = (text: string, start: number): number => {
  let end = text.indexOf('"', start);
  for (;;) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0 || end < 0) return end < 0 ? text.length : end;
    end = text.indexOf('"', end + 1);
  }
};

const pathOf = (frames: readonly Frame[], key: string): string => {
  let path = '';
  for (const frame of frames.slice(0, -1)) path += frame.keys ? `${path ? '.' : ''}${frame.key}` : `[${frame.index}]`;
  return path ? `${path}.${key}` : key;
};
