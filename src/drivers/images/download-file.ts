import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { setTimeout as delay } from 'node:timers/promises';
import { SlipwayError } from '../../base/errors/slipway-error.ts';

const ATTEMPTS = 5;

export interface DownloadOptions {
  path: string;
  signal: AbortSignal;
  progress: (message: string) => void;
}

/**
 * Downloads to `path`, which is there only when it is whole. What has come so far stays in `path.part`, with the version of the file as
 * the server names it in `path.part.tag`: a later call goes on from there. Throws MACHINE_IMAGE_MISSING, DISK_FULL.
 */
export const downloadFile = async (url: string, options: DownloadOptions): Promise<string> => {
  const { path, signal } = options;
  if (await stat(path).catch(() => undefined)) return path;
  await mkdir(dirname(path), { recursive: true });
  for (let attempt = 1; ; attempt++) {
    try {
      await downloadOnce(url, options);
      await rename(`${path}.part`, path);
      await rm(`${path}.part.tag`, { force: true });
      return path;
    } catch (error) {
      signal.throwIfAborted();
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC')
        throw new SlipwayError('DISK_FULL', { tried: `download ${url}`, cause: error as Error, advice: [`df -h ${dirname(path)}`] });
      if (error instanceof SlipwayError || attempt >= ATTEMPTS)
        throw error instanceof SlipwayError ? error : new SlipwayError('MACHINE_IMAGE_MISSING', failure(url, reasonOf(error)));
      await delay(500 * attempt, undefined, { signal });
    }
  }
};

const downloadOnce = async (url: string, { path, signal, progress }: DownloadOptions): Promise<void> => {
  const [part, tagFile] = [`${path}.part`, `${path}.part.tag`];
  const tag = await readFile(tagFile, 'utf8').catch(() => undefined);
  const come = tag
    ? await stat(part).then(
        ({ size }) => size,
        () => 0,
      )
    : 0;
  const response = await fetch(url, { signal, headers: come ? { range: `bytes=${come}-`, 'if-range': tag as string } : {} });
  if (response.status === 416) {
    await rm(tagFile, { force: true });
    throw new Error('the server has a shorter file than before');
  }
  if (!response.ok || !response.body)
    throw new SlipwayError('MACHINE_IMAGE_MISSING', failure(url, `the server answers ${response.status}`));
  const goesOn = response.status === 206;
  const total = Number(response.headers.get('content-length') ?? 0) + (goesOn ? come : 0);
  // A weak tag promises too little to put two halves together by.
  const version = [response.headers.get('etag'), response.headers.get('last-modified')].find((value) => value && !value.startsWith('W/'));
  if (version) await writeFile(tagFile, version);
  else await rm(tagFile, { force: true });
  progress(`downloading ${url} (${goesOn ? `going on at ${mebibytes(come)} of ` : ''}${mebibytes(total)})`);
  await pipeline(Readable.fromWeb(response.body as ReadableStream), createWriteStream(part, { flags: goesOn ? 'a' : 'w' }), { signal });
  const { size } = await stat(part);
  if (total && size !== total) throw new Error(`it broke off after ${size} of ${total} bytes`);
};

const failure = (url: string, cause: string): { tried: string; cause: string; advice: string[] } => ({
  tried: `download ${url}`,
  cause,
  advice: [`curl --head --location ${url}`],
});

const reasonOf = (error: unknown): string => {
  const { message, cause } = error as Error & { cause?: Error };
  return cause?.message ?? message;
};

const mebibytes = (bytes: number): string => (bytes ? `${Math.ceil(bytes / 1_048_576)} MiB` : 'unknown size');
