import { Worker } from 'node:worker_threads';
import { StoreError } from '../store.ts';
import type { AnswerOf, WorkerAnswer, WorkerData, WorkerFailure, WorkerReady, WorkerRequest } from './worker-protocol.ts';

/** The worker's code as one script: put here by the build, so that the bundle is a single file. Absent when run from source. */
declare const SLIPWAY_STORE_WORKER: string;

/** Messages die young: a large young space only keeps memory. */
const YOUNG_MB = 16;

interface Waiting {
  resolve: (value: never) => void;
  reject: (error: Error) => void;
}

/** The road to the thread that owns the database. Answers come in the order of the requests. */
export class StoreWorker {
  /** The revision that the file is at. Rejects with StoreCorrupt or StoreClosed. */
  readonly ready: Promise<number>;
  readonly #worker: Worker;
  readonly #path: string;
  #waiting: Waiting[] = [];
  #dead: StoreError | undefined;

  constructor(path: string) {
    this.#path = path;
    const workerData: WorkerData = { slipwayStore: true, path };
    const options = {
      workerData,
      name: 'store',
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    };
    this.#worker =
      typeof SLIPWAY_STORE_WORKER === 'string'
        ? new Worker(SLIPWAY_STORE_WORKER, { ...options, eval: true })
        : new Worker(new URL('./sqlite-worker.ts', import.meta.url), options);
    this.ready = new Promise((resolve, reject) => {
      this.#worker.once('message', (message: WorkerReady) => {
        if (message.ready) {
          this.#worker.on('message', (answer: WorkerAnswer) => this.#answered(answer));
          resolve(message.revision);
        } else {
          this.#dead = this.#errorOf(message.failure);
          reject(this.#dead);
        }
      });
      this.#worker.once('error', (error: unknown) => {
        this.#die(`the store's thread failed: ${String(error)}`);
        reject(this.#dead);
      });
    });
    this.#worker.once('exit', () => this.#die('the store is closed'));
  }

  ask<K extends WorkerRequest['kind']>(request: Extract<WorkerRequest, { kind: K }>): Promise<AnswerOf[K]> {
    return new Promise((resolve, reject) => {
      if (this.#dead) throw this.#dead;
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(request);
    });
  }

  async close(): Promise<void> {
    if (!this.#dead) await this.ask({ kind: 'close' });
    await this.#worker.terminate();
  }

  #answered(answer: WorkerAnswer): void {
    const waiting = this.#waiting.shift();
    if (answer.ok) waiting?.resolve(answer.value as never);
    else waiting?.reject(this.#errorOf(answer.failure));
  }

  #die(message: string): void {
    this.#dead ??= new StoreError('StoreClosed', message);
    for (const { reject } of this.#waiting) reject(this.#dead);
    this.#waiting = [];
  }

  #errorOf(failure: WorkerFailure): StoreError {
    const message =
      failure.kind === 'StoreCorrupt'
        ? `the store's file ${this.#path} is damaged (${failure.message}): put a backup in its place, or move ${this.#path} and ${this.#path}-wal away to begin with an empty cluster`
        : failure.kind === 'StoreClosed'
          ? `the store's file ${this.#path} cannot be used: ${failure.message}`
          : failure.message;
    return new StoreError(failure.kind, message, failure.current);
  }
}
