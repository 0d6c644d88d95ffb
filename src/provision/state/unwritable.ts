import { SlipwayError } from '../../base/errors/slipway-error.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  ENOTDIR: 'a part of the path is a file',
};

/** Errors of a state folder that cannot be written, as STATE_UNWRITABLE; others as they are. */
export const unwritable = (path: string, error: unknown): unknown => {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  const reason = REASONS[code];
  if (!reason || error instanceof SlipwayError) return error;
  return new SlipwayError('STATE_UNWRITABLE', {
    tried: `write ${path}`,
    cause: `${reason} (${code})`,
    advice: code === 'ENOSPC' || code === 'EDQUOT' ? [`df -h ${path}`] : [`ls -ld ${path}`, 'SLIPWAY_HOME=/another/folder slipway up'],
  });
};
