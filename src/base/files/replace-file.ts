import { open, rename, rm } from 'node:fs/promises';

/** Replaces a file in one step, with what survives a power failure: old content or new, never half of it. */
export const replaceFile = async (path: string, content: string, options: { mode: number }): Promise<void> => {
  const beside = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(beside, 'w', options.mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
};
