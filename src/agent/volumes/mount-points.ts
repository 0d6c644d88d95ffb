import { readFile, realpath } from 'node:fs/promises';

/** Where this process sees file systems mounted, in the order of mounting. */
export const mountPoints = async (): Promise<string[]> =>
  (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .filter(Boolean)
    .map((line) => (line.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8))));

export const isMounted = async (path: string): Promise<boolean> => (await mountPoints()).includes(await realpath(path));
