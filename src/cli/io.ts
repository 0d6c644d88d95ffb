/** The outside of one run of the CLI. Results go to `out`, everything else to `err`. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Text as it stands, line ends included. */
  out(text: string | Uint8Array): void;
  err(text: string | Uint8Array): void;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Whether a person can be asked: stdin and stderr are terminals, and neither CI nor --no-input says otherwise. */
  readonly interactive: boolean;
  readonly color: boolean;
}

export const processIo = (): Io => {
  const { env, stdin, stdout, stderr } = process;
  // A reader that goes away (`| head`) is no error of ours.
  const quietly = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
    throw error;
  };
  stdout.on('error', quietly);
  stderr.on('error', quietly);
  return {
    env,
    stdin,
    stdout,
    stderr,
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    interactive: Boolean(stdin.isTTY && stderr.isTTY && !env['CI']),
    color: wantsColor(env, Boolean(stderr.isTTY)),
  };
};

/** NO_COLOR and TERM=dumb turn colour off, FORCE_COLOR on, else it follows the terminal. */
export const wantsColor = (env: Readonly<Record<string, string | undefined>>, isTerminal: boolean): boolean => {
  if (env['FORCE_COLOR'] && env['FORCE_COLOR'] !== '0') return true;
  return isTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
};

export const readAll = async (stream: NodeJS.ReadableStream): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
};
