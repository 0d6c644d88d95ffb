/** The same program under another version, as an upgrade finds it. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CliResult, RunningCli, Suite } from './suite.ts';

export interface BuiltVersion {
  run(...args: string[]): Promise<CliResult>;
  start(...args: string[]): RunningCli;
}

const root = join(import.meta.dirname, '../..');
const TIMEOUT_MS = 400_000;

/** Builds it in the suite's folder; `change` may spoil its source before. */
export const buildVersion = async (suite: Suite, version: string, change?: (folder: string) => void): Promise<BuiltVersion> => {
  const folder = join(suite.root, `slipway-${version}`);
  for (const part of ['src', 'templates', 'bin', 'docs', 'package.json', 'tsconfig.json'])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...manifest, version }));
  change?.(folder);
  const built = await suite.run([process.execPath, join(folder, 'bin/build.js')]);
  assert.equal(built.code, 0, built.stderr);
  const command = [process.execPath, join(folder, 'dist/slipway.js')];
  return {
    run: (...args) => suite.run([...command, ...args], { timeoutMs: TIMEOUT_MS }),
    start: (...args) => suite.start([...command, ...args], { timeoutMs: TIMEOUT_MS }),
  };
};
