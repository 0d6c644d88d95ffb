import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';

export interface LogOptions {
  follow: boolean;
  /** Undefined: all. */
  tailLines: number | undefined;
  /** Milliseconds since the epoch; older lines are left out. */
  since: number | undefined;
  timestamps: boolean;
  limitBytes: number | undefined;
  /** `stdout` or `stderr`; undefined for both. */
  stream: string | undefined;
  signal: AbortSignal;
  /** Asked at the end of the file while following: whether nothing more will come. */
  hasEnded(): Promise<boolean>;
}

const CHUNK_BYTES = 64 * 1024;
/** Looks at the file this often while following, beside what the kernel tells. */
const FOLLOW_MS = 500;
/** A line longer than this is handed on in pieces. */
const MAX_LINE_BYTES = 1024 * 1024;

/**
 * The text of a CRI log file: `2026-11-21T01:02:03.4Z stdout F hello` becomes `hello\n`; tag P marks a part whose line goes on.
 * Follows the file over its rotation.
 */
export async function* readContainerLog(path: string, options: LogOptions): AsyncGenerator<Buffer> {
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  for await (const text of logTexts(path, options)) {
    if (left <= 0) return;
    const part = text.length > left ? text.subarray(0, left) : text;
    left -= part.length;
    yield part;
  }
}

async function* logTexts(path: string, options: LogOptions): AsyncGenerator<Buffer> {
  let file = await open(path, 'r');
  const changes = options.follow ? new ChangeWaiter(path) : undefined;
  try {
    let offset = options.tailLines === undefined ? 0 : await tailOffset(file, options.tailLines);
    let rest: Buffer = Buffer.alloc(0);
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    while (!options.signal.aborted) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, offset);
      if (bytesRead > 0) {
        offset += bytesRead;
        const bytes = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
        const end = bytes.length > MAX_LINE_BYTES ? bytes.length : bytes.lastIndexOf(10) + 1;
        rest = Buffer.from(bytes.subarray(end));
        const text = render(bytes.subarray(0, end), options);
        if (text.length > 0) yield text;
        continue;
      }
      if (!options.follow || !changes) return;
      const ended = await options.hasEnded();
      const [now, opened] = await Promise.all([stat(path).catch(() => undefined), file.stat()]);
      if (now && now.ino !== opened.ino) {
        // Rotated, and the old file is read to its end.
        await file.close();
        file = await open(path, 'r');
        offset = 0;
        rest = Buffer.alloc(0);
        continue;
      }
      if (ended && opened.size <= offset) return;
      if (opened.size <= offset) await changes.next(options.signal);
    }
  } finally {
    changes?.close();
    await file.close();
  }
}

const render = (bytes: Buffer, { since, timestamps, stream }: LogOptions): Buffer => {
  const parts: Buffer[] = [];
  for (let start = 0; start < bytes.length; ) {
    const found = bytes.indexOf(10, start);
    const end = found < 0 ? bytes.length : found;
    const timeEnd = bytes.indexOf(32, start);
    const streamEnd = bytes.indexOf(32, timeEnd + 1);
    const tagEnd = bytes.indexOf(32, streamEnd + 1);
    const isWellFormed = timeEnd > 0 && streamEnd > 0 && tagEnd > 0 && tagEnd <= end;
    if (isWellFormed) {
      const time = bytes.toString('latin1', start, timeEnd);
      const isWanted =
        (since === undefined || Date.parse(time) >= since) && (!stream || bytes.toString('latin1', timeEnd + 1, streamEnd) === stream);
      if (isWanted) {
        if (timestamps) parts.push(Buffer.from(`${time} `));
        parts.push(bytes.subarray(tagEnd + 1, end));
        if (bytes[streamEnd + 1] === 70) parts.push(NEWLINE);
      }
    }
    start = end + 1;
  }
  return Buffer.concat(parts);
};

const NEWLINE = Buffer.from('\n');

/** Where the last `count` lines begin. */
const tailOffset = async (file: FileHandle, count: number): Promise<number> => {
  const { size } = await file.stat();
  if (count === 0) return size;
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let found = 0;
  for (let end = size; end > 0; end -= Math.min(end, CHUNK_BYTES)) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const { bytesRead } = await file.read(buffer, 0, end - start, start);
    for (let index = bytesRead - 1; index >= 0; index--) {
      // The newline that ends the file begins no line.
      if (buffer[index] !== 10 || start + index === size - 1) continue;
      found++;
      if (found === count) return start + index + 1;
    }
  }
  return 0;
};

class ChangeWaiter {
  readonly #watcher: FSWatcher | undefined;
  #wake: (() => void) | undefined;

  constructor(path: string) {
    try {
      this.#watcher = watch(path, () => this.#wake?.());
      this.#watcher.on('error', () => {});
    } catch {
      // Out of inotify watches: the timer does.
    }
  }

  async next(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, FOLLOW_MS);
    signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    clearTimeout(timer);
  }

  close(): void {
    this.#watcher?.close();
  }
}
