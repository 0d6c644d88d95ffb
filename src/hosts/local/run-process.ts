import { spawn } from 'node:child_process';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { RunOptions, RunResult } from '../host.ts';

/** Output beyond this is cut: no step reads more, and a program gone wild must not fill the memory. */
const OUTPUT_LIMIT = 16 * 1024 * 1024;

/** Runs a program of this machine. `where` is the host's name, for messages. */
export const runProcess = (
  command: readonly string[],
  options: RunOptions & { where: string; shown?: readonly string[] },
): Promise<RunResult> =>
  new Promise((resolve, reject) => {
    const [program = '', ...args] = command;
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...CLEAN_ENVIRONMENT, ...options.env },
      cwd: '/',
      ...(options.signal ? { signal: options.signal } : {}),
    });
    let isOver = false;
    const deadline =
      options.timeoutMs &&
      setTimeout(() => {
        isOver = true;
        child.kill('SIGKILL');
        // What it has started may live on and hold its output: nobody waits for that.
        child.stdout.destroy();
        child.stderr.destroy();
      }, options.timeoutMs);
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[], size: 0 };
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].on('data', (chunk: Buffer) => {
        output.size += chunk.length;
        if (output.size <= OUTPUT_LIMIT) output[stream].push(chunk);
      });
    child.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(deadline);
      const absent: RunResult = { exitCode: 127, stdout: '', stderr: `${program}: not found` };
      if (error.code !== 'ENOENT') reject(error);
      else if (options.check === false) resolve(absent);
      else reject(commandFailed(options.shown ?? command, options.where, absent));
    });
    child.once('close', (code) => {
      clearTimeout(deadline);
      const result: RunResult = {
        exitCode: code ?? 137,
        stdout: Buffer.concat(output.stdout).toString(),
        stderr: Buffer.concat(output.stderr).toString(),
      };
      if (isOver) result.stderr += `no end after ${options.timeoutMs} ms`;
      if (result.exitCode !== 0 && options.check !== false) reject(commandFailed(options.shown ?? command, options.where, result));
      else resolve(result);
    });
    // A program that ends before it has read its input is judged by its exit code alone.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });

/** COMMAND_FAILED with the last lines that the program wrote. */
export const commandFailed = (command: readonly string[], where: string, result: RunResult): SlipwayError => {
  const shown = command.join(' ').replaceAll(/\s+/g, ' ');
  const lines = `${result.stderr}\n${result.stdout}`.split('\n').filter((line) => line.trim() !== '');
  return new SlipwayError('COMMAND_FAILED', {
    tried: `run \`${shown.length > 120 ? `${shown.slice(0, 117)}...` : shown}\` on ${where}`,
    cause: result.exitCode === 127 ? 'the program is not there' : `it ended with exit code ${result.exitCode}`,
    logLines: lines.slice(0, 20).slice(-10),
  });
};

/** What the caller's shell has set must not change what a step does. */
export const CLEAN_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
};
