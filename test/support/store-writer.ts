/**
 * Writes to a SQLite store until it is killed, and tells on stdout what was acknowledged: `R <revision>` once it is open, then
 * `A <key> <revision> <value>` for every write, `D <key> <revision>` for every deletion. Run by the crash tests.
 */
import { writeSync } from 'node:fs';
import { createLogger } from '../../src/base/log/logger.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';

const [path = '', round = '0'] = process.argv.slice(2);
const store = await openSqliteStore({ path, log: createLogger({ level: 'silent' }) });
const say = (line: string): void => {
  writeSync(1, `${line}\n`);
};
say(`R ${store.revision}`);

const write = async (writer: number): Promise<void> => {
  for (let index = 0; ; index += 1) {
    const key = `/k/${writer}-${index % 20}`;
    const value = `${round}.${index}.${'x'.repeat(500)}`;
    const current = await store.get(key);
    if (current && index % 9 === 0) say(`D ${key} ${(await store.delete(key, { ifRevision: current.revision })).revision}`);
    else if (current) say(`A ${key} ${await store.update(key, Buffer.from(value), { ifRevision: current.revision })} ${round}.${index}`);
    else say(`A ${key} ${await store.create(key, Buffer.from(value))} ${round}.${index}`);
  }
};
await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)));
