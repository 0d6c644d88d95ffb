import { open, readFile } from 'node:fs/promises';
import { ANNOTATION } from './labels.ts';
import type { RuntimeContainer } from './runtime-state.ts';

const MAX_MESSAGE_BYTES = 4096;
const MAX_LOG_BYTES = 2048;
const MAX_LOG_LINES = 80;

/** What an ended container left as its last words: its message file, or the end of its log when it failed and policy says so. */
export const terminationMessage = async (container: RuntimeContainer): Promise<string> => {
  const path = container.annotations[ANNOTATION.terminationMessagePath];
  const file = container.mounts.find(({ containerPath }) => containerPath === path)?.hostPath;
  const written = file ? await readEnd(file, { maxBytes: MAX_MESSAGE_BYTES, from: 'start' }) : '';
  const usesLog = container.annotations[ANNOTATION.terminationMessagePolicy] === 'FallbackToLogsOnError';
  if (written || !usesLog || container.exitCode === 0) return written;
  const lines = (await readEnd(container.logPath, { maxBytes: MAX_LOG_BYTES * 4, from: 'end' })).split('\n').slice(-MAX_LOG_LINES - 1);
  const texts = lines.map((line) => /^\S+ (?:stdout|stderr) ([FP]) (.*)$/.exec(line)).filter((match) => match !== null);
  return texts
    .map(([, tag, text]) => (tag === 'F' ? `${text}\n` : text))
    .join('')
    .slice(-MAX_LOG_BYTES);
};

const readEnd = async (file: string, options: { maxBytes: number; from: 'start' | 'end' }): Promise<string> => {
  try {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      if (size <= options.maxBytes) return await readFile(handle, 'utf8');
      const buffer = Buffer.alloc(options.maxBytes);
      const { bytesRead } = await handle.read(buffer, 0, options.maxBytes, options.from === 'end' ? size - options.maxBytes : 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch {
    // No file, no last words.
    return '';
  }
};
