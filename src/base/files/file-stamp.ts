import { statSync } from 'node:fs';

/** Differs once any of the files was replaced, appeared or vanished. Cheap enough to be asked every second. */
export const fileStamp = (paths: readonly string[]): string =>
  paths
    .map((path) => {
      const found = statSync(path, { throwIfNoEntry: false });
      return found ? `${found.ino}:${found.mtimeMs}:${found.size}` : '-';
    })
    .join(' ');
