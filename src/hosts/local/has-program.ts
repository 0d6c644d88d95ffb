import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { CLEAN_ENVIRONMENT } from './run-process.ts';

/** Whether this computer has a program: an absolute path, or a name on `path` [that of programs which Slipway runs]. */
export const hasProgram = (program: string, path = CLEAN_ENVIRONMENT['PATH'] ?? ''): boolean =>
  (program.startsWith('/') ? [program] : path.split(delimiter).map((folder) => join(folder, program))).some((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
