import { nearest } from '../base/text/nearest.ts';
import { COMMANDS } from '../commands/index.ts';
import { type BaseCommand, type CommandClass, OUTPUT_FLAG, PROGRESS_FLAG } from './base-command.ts';
import { UsageError } from './errors.ts';
import { type Io, processIo } from './io.ts';
import { viewOfError } from './print-error.ts';

/** Runs the CLI on this process's command line, and ends the process with its exit code once all output is out. */
export const runProcess = async (): Promise<void> => {
  const io = processIo();
  const interrupts = new AbortController();
  let graceful = false;
  let interruptedCode = 130;
  const interrupt = (code: number, said: string) => (): void => {
    if (!graceful || interrupts.signal.aborted) process.exit(code);
    interruptedCode = code;
    io.err(`\nslipway: stopping; ${said} to end at once\n`);
    interrupts.abort();
  };
  process.on('SIGINT', interrupt(130, 'press Ctrl-C again'));
  // What CI systems send when a job is cancelled.
  process.on('SIGTERM', interrupt(143, 'SIGTERM again'));
  const code = await runCli(process.argv.slice(2), {
    io,
    signal: interrupts.signal,
    onCommand: (command) => (graceful = command.graceful),
  });
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit(code === 130 ? interruptedCode : code);
};

export interface RunOptions {
  io: Io;
  signal: AbortSignal;
  onCommand?: (command: CommandClass) => void;
}

/** Runs one command line and answers its exit code: 0, 1 for errors, 2 for wrong usage, 124 after --timeout, 130 after Ctrl-C (143 after SIGTERM), or a remote command's own. */
export const runCli = async (argv: readonly string[], options: RunOptions): Promise<number> => {
  const { io } = options;
  const { id, rest } = findCommand(argv);
  let command: BaseCommand | undefined;
  let isOurs = false;
  try {
    if (id === undefined) return await runWithoutCommand(rest, io);
    const Command = await loadCommand(id);
    isOurs = Object.values(Command.flags).some((flag) => flag === OUTPUT_FLAG || flag === PROGRESS_FLAG);
    if (id !== '__complete' && asksForHelp(rest)) {
      const { commandHelp } = await import('./help.ts');
      io.out(await commandHelp(id, Command));
      return 0;
    }
    options.onCommand?.(Command);
    const isQuiet = quietUntilPrinted(io);
    command = new Command(rest, { io: isQuiet.io, signal: options.signal, id });
    try {
      return (await command.run()) ?? 0;
    } catch (error) {
      if (isQuiet.printed() || !(await command.recover(error))) throw error;
      await command.close();
      command = new Command(rest, { io, signal: options.signal, id });
      return (await command.run()) ?? 0;
    }
  } catch (error) {
    if (options.signal.aborted && !(error instanceof Error && error.name === 'SlipwayError')) return 130;
    const view = viewOfError(error, id ?? '');
    // A script that asked for JSON gets its error in that form too, still on stderr: stdout is for results.
    const hasJson = isOwnError(error) || (isOurs && error instanceof UsageError);
    io.err(wantsJson(argv) && hasJson ? `${JSON.stringify(view.json)}\n` : view.text);
    return view.exitCode;
  } finally {
    await command?.close().catch(() => undefined);
  }
};

/** Tells whether a command has printed a result: then it cannot begin anew unseen. */
const quietUntilPrinted = (io: Io): { io: Io; printed: () => boolean } => {
  let printed = false;
  const out: Io['out'] = (text) => {
    printed = true;
    io.out(text);
  };
  return { io: { ...io, out }, printed: () => printed };
};

const loadCommand = async (id: string): Promise<CommandClass> => {
  const entry = COMMANDS[id];
  if (!entry) throw new UsageError(`unknown command "${id}"`);
  return (await entry.load()).default;
};

const asksForHelp = (rest: readonly string[]): boolean => {
  const end = rest.indexOf('--');
  return (end < 0 ? rest : rest.slice(0, end)).some((word) => word === '-h' || word === '--help');
};

/** kubectl-like commands print `-o json` objects, and their errors as kubectl does; only Slipway's own errors, and wrong usage of its own commands, have a JSON form. */
const isOwnError = (error: unknown): boolean => error instanceof Error && error.name === 'SlipwayError';

const wantsJson = (argv: readonly string[]): boolean =>
  argv.some(
    (word, index) =>
      word === '-ojson' ||
      word === '-o=json' ||
      word === '--output=json' ||
      word === '--progress=json' ||
      (word === 'json' && /^(-o|--output|--progress)$/.test(argv[index - 1] ?? '')),
  );

/** Global flags that take a value and may stand before the command: `slipway -n shop get pods`. */
const LEADING_VALUE_FLAGS =
  /^(-n|-s|-v|--(namespace|context|cluster|user|kubeconfig|server|token|as|as-group|as-uid|request-timeout|tls-server-name|certificate-authority|client-certificate|client-key|v|cache-dir))$/;

/** Second words that have short forms: `create ns`. */
const SHORT: Readonly<Record<string, string>> = {
  ns: 'namespace',
  cm: 'configmap',
  sa: 'serviceaccount',
  deploy: 'deployment',
  svc: 'service',
  ing: 'ingress',
  cj: 'cronjob',
  resourcequota: 'quota',
  pdb: 'poddisruptionbudget',
  pc: 'priorityclass',
};

/** The longest command that the first words name, and the command line without these words. */
export const findCommand = (argv: readonly string[]): { id: string | undefined; rest: string[] } => {
  // Its words are a command line that is still being typed.
  if (argv[0] === '__complete') return { id: argv[0], rest: argv.slice(1) };
  const taken: number[] = [];
  let id: string | undefined;
  let path = '';
  for (let index = 0; index < argv.length && argv[index] !== '--'; index += 1) {
    const word = argv[index] as string;
    if (LEADING_VALUE_FLAGS.test(word)) index += 1;
    else if (!word.startsWith('-')) {
      path = path ? `${path} ${(path === 'create' && SHORT[word]) || word}` : word;
      if (!isCommand(path) && !isTopic(path)) break;
      taken.push(index);
      if (isCommand(path)) id = path;
      if (!isTopic(path)) break;
    } else if (!/^-(-.*)?/.test(word)) break;
  }
  if (id !== undefined) taken.length = id.split(' ').length;
  else taken.length = 0;
  return { id, rest: argv.filter((_, index) => !taken.includes(index)) };
};

const isCommand = (id: string): boolean => Object.hasOwn(COMMANDS, id);
const isTopic = (id: string): boolean => Object.keys(COMMANDS).some((known) => known.startsWith(`${id} `));

const runWithoutCommand = async (rest: readonly string[], io: Io): Promise<number> => {
  const words = rest.filter((word) => !word.startsWith('-'));
  const { rootHelp, topicHelp } = await import('./help.ts');
  if (words[0] === undefined) {
    if (rest.includes('--version')) {
      const { default: Version } = await (COMMANDS['version'] as (typeof COMMANDS)[string]).load();
      return (await new Version(['--client'], { io, signal: new AbortController().signal, id: 'version' }).run()) ?? 0;
    }
    const strange = rest.find((word) => word.startsWith('-') && !/^(-h|--help|--no-color|--no-input)$/.test(word));
    if (strange) throw new UsageError(`unknown flag: ${strange}`);
    if (rest.length === 0) io.err(rootHelp());
    else io.out(rootHelp());
    return rest.length === 0 ? 2 : 0;
  }
  if (words[0] === 'help') return runCli([...words.slice(1), '--help'], { io, signal: new AbortController().signal });
  if (isTopic(words[0]) && (words[1] === undefined || asksForHelp(rest))) {
    (asksForHelp(rest) ? io.out : io.err)(topicHelp(words[0]));
    return asksForHelp(rest) ? 0 : 2;
  }
  throw unknownCommand(words);
};

const unknownCommand = (words: readonly string[]): UsageError => {
  const topic = isTopic(words[0] as string) ? (words[0] as string) : undefined;
  const word = (topic ? words[1] : words[0]) as string;
  const candidates = Object.keys(COMMANDS)
    .filter((id) => !id.startsWith('_') && (topic === undefined || id.startsWith(`${topic} `)))
    .map((id) => (topic ? id.slice(topic.length + 1) : (id.split(' ')[0] as string)));
  const near = nearest(word, [...new Set(candidates)]).map((candidate) => `slipway ${topic ? `${topic} ` : ''}${candidate}`);
  return new UsageError(
    `unknown command "${word}" for "slipway${topic ? ` ${topic}` : ''}"`,
    near.length ? `did you mean: ${near.join(', ')}?` : undefined,
  );
};

const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  stream.writableLength === 0 ? Promise.resolve() : new Promise((resolve) => stream.write('', () => resolve()));
