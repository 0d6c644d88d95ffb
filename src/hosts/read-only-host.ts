import type { Host, ServiceManager } from './host.ts';
import { fileDigest } from './local/local-host.ts';
import { detectServices } from './services/detect-services.ts';

/** One thing that would have been changed on a host. */
export interface HostDifference {
  kind: 'file' | 'service' | 'command';
  /** Path, name of the service, or the command line. */
  name: string;
  action: 'create' | 'change' | 'start';
}

/**
 * A host on which nothing is changed: what would be is told to `record`, and answered as if it had been. Commands run only when they are
 * marked `readOnly`; the others answer success without a word.
 */
export const createReadOnlyHost = async (host: Host, record: (difference: HostDifference) => void): Promise<Host> => {
  const modeOf = async (path: string): Promise<string> =>
    (await host.run(['stat', '-c', '%a', path], { check: false, readOnly: true })).stdout.trim();
  const differs = async (path: string, mode: number, same: () => Promise<boolean | undefined>): Promise<{ changed: boolean }> => {
    const isSame = await same();
    if (isSame && (await modeOf(path)) === mode.toString(8)) return { changed: false };
    record({ kind: 'file', name: path, action: isSame === undefined ? 'create' : 'change' });
    return { changed: true };
  };
  const dry: Omit<Host, 'services'> = {
    ...host,
    run: (command, options) => {
      if (options?.readOnly) return host.run(command, options);
      record({ kind: 'command', name: command.join(' ').split('\n')[0] ?? '', action: 'change' });
      return Promise.resolve({ exitCode: 0, stdout: '', stderr: '' });
    },
    writeFile: (path, content, { mode }) => differs(path, mode, async () => (await host.readFile(path))?.equals(Buffer.from(content))),
    copyFile: (from, path, { mode }) =>
      differs(path, mode, async () => {
        const { exitCode, stdout } = await host.run(['sha256sum', path], { check: false, readOnly: true });
        return exitCode === 0 ? stdout.startsWith(await fileDigest(from)) : undefined;
      }),
    // The host itself is closed by who opened it.
    close: async () => {},
  };
  return { ...dry, services: await readOnlyServices(host, dry, record) };
};

const readOnlyServices = async (
  host: Host,
  dry: Omit<Host, 'services'>,
  record: (difference: HostDifference) => void,
): Promise<ServiceManager> => {
  // Definitions are files, so that laying one down is seen as such.
  const { install } = await detectServices(dry, host.services.kind);
  const note = (action: HostDifference['action']) => async (name: string) => record({ kind: 'service', name, action });
  return {
    kind: host.services.kind,
    install,
    start: note('start'),
    restart: note('change'),
    stop: note('change'),
    remove: note('change'),
    status: (name) => host.services.status(name),
    logLines: (name, count) => host.services.logLines(name, count),
    readLog: (name, from) => host.services.readLog(name, from),
  };
};
