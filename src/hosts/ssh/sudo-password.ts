import { readFile, stat } from 'node:fs/promises';
import { SlipwayError } from '../../base/errors/slipway-error.ts';

/** The first line of a file that only its owner may read. Throws SUDO_REFUSED. */
export const readSudoPassword = async (path: string): Promise<string> => {
  const refused = (cause: string | Error, advice: readonly string[] = []): SlipwayError =>
    new SlipwayError('SUDO_REFUSED', { tried: `read the sudo password from ${path}`, cause, advice });
  const found = await stat(path).catch((error: Error) => {
    throw refused(error);
  });
  if (found.mode & 0o077) throw refused(`others may read it (mode ${(found.mode & 0o777).toString(8)})`, [`chmod 600 ${path}`]);
  const [line = ''] = (await readFile(path, 'utf8')).split(/\r?\n/);
  if (!line) throw refused('its first line is empty');
  return line;
};
