/**
 * A machine that exists: run a command, read and write files, manage services. Provisioning works on this and knows neither
 * hypervisor nor transport. Implementations: hosts/local (this machine, or a sandbox on it) and hosts/ssh.
 */
export interface Host {
  /** For messages: `demo-1 (172.31.240.11)`. */
  readonly name: string;
  /** Resolves whatever the exit code is, unless `check` (default true) throws COMMAND_FAILED with the last lines of stderr. */
  run(command: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Text of a file; undefined when it is absent. */
  readFile(path: string): Promise<Buffer | undefined>;
  /** Atomic (write beside, rename), makes parent folders; answers whether anything changed. Content never shows in a process list. */
  writeFile(path: string, content: string | Uint8Array, options: { mode: number }): Promise<{ changed: boolean }>;
  /** Copies a local file when the other side's sha256 differs: for large binaries. */
  copyFile(localPath: string, path: string, options: { mode: number }): Promise<{ changed: boolean }>;
  /** The init system of this host: systemd on machines, runit in sandboxes. */
  readonly services: ServiceManager;
  close(): Promise<void>;
}

export interface RunOptions {
  /** Written to the command's stdin: how secrets travel. */
  input?: string | Uint8Array;
  check?: boolean;
  timeoutMs?: number;
  signal?: AbortSignal;
  env?: Readonly<Record<string, string>>;
  /** It only looks: `slipway plan` runs it, and leaves out every command that is not marked so. */
  readOnly?: boolean;
}

export interface RunResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface ServiceManager {
  readonly kind: 'systemd' | 'runit';
  /** Lays down the unit (rendered from templates/) and enables it; answers whether it changed. */
  install(service: ServiceUnit): Promise<{ changed: boolean }>;
  start(name: string): Promise<void>;
  restart(name: string): Promise<void>;
  stop(name: string): Promise<void>;
  remove(name: string): Promise<void>;
  status(name: string): Promise<'running' | 'stopped' | 'failed' | 'absent'>;
  /** Newest last. */
  logLines(name: string, count: number): Promise<string[]>;
  /**
   * What was logged after `cursor` (an answer's own; it holds over rotations), or, without one, within the last `sinceSeconds`. At most the newest 16 MiB.
   * A line that bears no time counts with the one before it.
   */
  readLog(name: string, from: LogPosition): Promise<{ lines: string[]; cursor: string }>;
}

export interface LogPosition {
  cursor?: string | undefined;
  sinceSeconds?: number | undefined;
}

export interface ServiceUnit {
  name: string;
  description: string;
  command: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Names of services that start before it. */
  after?: readonly string[];
}
