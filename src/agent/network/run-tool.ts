import { spawn } from 'node:child_process';

/** Runs one of the system's tools: resolves with its stdout, rejects with a `ToolError` when it ends with another code than 0. */
export type RunTool = (program: string, args: readonly string[], input?: string) => Promise<string>;

export class ToolError extends Error {
  readonly exitCode: number;
  readonly stderr: string;

  constructor(program: string, exitCode: number, stderr: string) {
    super(`${program} ended with ${exitCode}: ${stderr.slice(0, 2_000)}`);
    this.name = 'ToolError';
    this.exitCode = exitCode;
    this.stderr = stderr;
  }
}

/** Bound of what a tool may print, in bytes: a full conntrack listing of a busy node is some tens of megabytes. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 60_000;

export const runTool: RunTool = (program, args, input) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: TIMEOUT_MS, killSignal: 'SIGKILL' });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let size = 0;
    const keep = (into: Buffer[]) => (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_OUTPUT_BYTES) into.push(chunk);
      else child.kill('SIGKILL');
    };
    child.stdout.on('data', keep(stdout));
    child.stderr.on('data', keep(stderr));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(stdout).toString());
      else reject(new ToolError(program, code ?? -1, Buffer.concat(stderr).toString()));
    });
    // The program may end before it has read everything; its exit code tells, not this EPIPE.
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
  });
