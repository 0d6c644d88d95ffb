import { readFile } from 'node:fs/promises';
import { writeAtomically } from '../../hosts/local/local-host.ts';

/** What is remembered of a node while it is off. */
export interface MachineRecord {
  address: string;
  /** Ranges that this host sends through the node. */
  routes?: string[];
  cpus?: number | undefined;
  memoryMiB?: number | undefined;
}

/** Undefined when there is no such file. */
export const readRecord = async <T>(path: string): Promise<T | undefined> => {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

export const writeRecord = async (path: string, record: object): Promise<void> => {
  await writeAtomically(path, `${JSON.stringify(record)}\n`, 0o600);
};
