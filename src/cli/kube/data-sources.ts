import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CommandError } from '../errors.ts';

/** The values of --from-literal, --from-file and --from-env-file. Throws CommandError for duplicates and what is not there. */
export const readData = async (sources: {
  literals: readonly string[];
  files: readonly string[];
  envFiles: readonly string[];
}): Promise<Record<string, Buffer>> => {
  const values: Record<string, Buffer> = {};
  const add = (key: string, value: Buffer): void => {
    if (!/^[-._a-zA-Z0-9]+$/.test(key)) throw new CommandError(`"${key}" is not a valid key name`);
    if (key in values) throw new CommandError(`cannot add key "${key}", another key by that name already exists in Data`);
    values[key] = value;
  };
  for (const literal of sources.literals) {
    const equals = literal.indexOf('=');
    if (equals < 1) throw new CommandError(`invalid literal source ${literal}, expected key=value`);
    add(literal.slice(0, equals), Buffer.from(literal.slice(equals + 1).replace(/^(["'])(.*)\1$/s, '$2')));
  }
  for (const source of sources.files) {
    const equals = source.indexOf('=');
    const path = equals < 0 ? source : source.slice(equals + 1);
    if ((await found(path)).isDirectory()) {
      for (const entry of await readdir(path, { withFileTypes: true }))
        if (entry.isFile()) add(entry.name, await readFile(join(path, entry.name)));
    } else add(equals < 0 ? basename(path) : source.slice(0, equals), await readFile(path));
  }
  for (const path of sources.envFiles) {
    await found(path);
    for (const line of (await readFile(path, 'utf8')).split('\n')) {
      const match = /^\s*([^#=\s][^=]*)=(.*)$/.exec(line.replace(/\r$/, ''));
      if (match) add((match[1] as string).trim(), Buffer.from(match[2] as string));
    }
  }
  return values;
};

const found = (path: string) =>
  stat(path).catch((error: Error) => {
    throw new CommandError(`error reading ${path}: ${error.message}`, { cause: error });
  });
