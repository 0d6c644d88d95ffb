/** One structured JSON line per record, on stderr unless told otherwise. Messages are constant; what varies is a field. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to every record; `component` is usual. */
  child(fields: LogFields): Logger;
}

/** Never a secret, never a request body. An `error` field may hold an Error. */
export type LogFields = Readonly<Record<string, unknown>>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LoggerOptions {
  level?: LogLevel;
  write?: (line: string) => void;
  now?: () => Date;
  fields?: LogFields;
}

const ORDER: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 };

export const createLogger = (options: LoggerOptions = {}): Logger => {
  const { level = 'info', write = (line) => process.stderr.write(line), now = () => new Date(), fields = {} } = options;
  const at =
    (recordLevel: LogLevel) =>
    (message: string, extra: LogFields = {}): void => {
      if (ORDER[recordLevel] < ORDER[level]) return;
      write(`${JSON.stringify({ time: now().toISOString(), level: recordLevel, message, ...fields, ...extra }, errorsAsText)}\n`);
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (more) => createLogger({ level, write, now, fields: { ...fields, ...more } }),
  };
};

const errorsAsText = (_key: string, value: unknown): unknown =>
  value instanceof Error ? { name: value.name, message: value.message, stack: value.stack } : value;
