import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Component } from '../../base/async/component.ts';
import type { Logger } from '../../base/log/logger.ts';
import type { CriClient } from '../cri/cri-client.ts';
import type { PodManager } from './pod-manager.ts';

const PERIOD_MS = 10_000;
const MAX_BYTES = 10 * 1024 * 1024;
const MAX_FILES = 5;

/**
 * Keeps logs of running containers from growing: `0.log` becomes `0.log.20261121-010203` at 10 MiB, the runtime opens a new
 * one, older ones are packed, and five files stay in all.
 */
export class LogRotator implements Component {
  readonly name = 'log-rotator';
  readonly #cri: CriClient;
  readonly #manager: PodManager;
  readonly #log: Logger;
  readonly #maxBytes: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: { cri: CriClient; manager: PodManager; log: Logger; maxBytes?: number }) {
    this.#cri = options.cri;
    this.#manager = options.manager;
    this.#log = options.log;
    this.#maxBytes = options.maxBytes ?? MAX_BYTES;
  }

  async start(): Promise<void> {
    this.#timer = setTimeout(() => void this.#tick(), PERIOD_MS).unref();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
  }

  async #tick(): Promise<void> {
    await this.rotateAll().catch((error: unknown) => this.#log.warn('logs were not rotated', { error }));
    this.#timer = setTimeout(() => void this.#tick(), PERIOD_MS).unref();
  }

  async rotateAll(): Promise<void> {
    for (const { state } of this.#manager.workers())
      for (const { id, logPath, state: now } of state?.containers ?? []) {
        if (now !== 'running' || !logPath) continue;
        const size = await stat(logPath).then(
          (found) => found.size,
          () => 0,
        );
        if (size > this.#maxBytes) await this.#rotate(id, logPath);
      }
  }

  async #rotate(containerId: string, logPath: string): Promise<void> {
    const stamp = new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
    const rotated = `${logPath}.${stamp}`;
    await rename(logPath, rotated);
    try {
      await this.#cri.reopenContainerLog({ containerId });
    } catch (error) {
      // The runtime still writes to the old file: its name must fit again.
      await rename(rotated, logPath);
      throw error;
    }
    const directory = dirname(logPath);
    const old = (await readdir(directory)).filter((name) => name.startsWith(`${basename(logPath)}.`)).sort();
    // The newest one may still be read by those who follow the log; the others are packed.
    for (const name of old.slice(0, -1)) if (!name.endsWith('.gz')) await pack(join(directory, name));
    const names = (await readdir(directory)).filter((name) => name.startsWith(`${basename(logPath)}.`)).sort();
    for (const name of names.slice(0, Math.max(0, names.length - (MAX_FILES - 1)))) await rm(join(directory, name), { force: true });
  }
}

const pack = async (file: string): Promise<void> => {
  await pipeline(createReadStream(file), createGzip(), createWriteStream(`${file}.gz.tmp`));
  await rename(`${file}.gz.tmp`, `${file}.gz`);
  await rm(file);
};
