import { StatusError } from '../../api/meta/status.ts';

/** One file of a bundle, before secrets are taken out. */
export interface BundleFile {
  path: string;
  content: string | object;
}

/** What a part could not read: told in the bundle instead of failing it. */
export interface Missing {
  what: string;
  why: string;
}

export interface Collected {
  files: BundleFile[];
  missing: Missing[];
}

/** Texts that are longer keep their end, which is newest. */
export const FILE_LIMIT = 2 * 1024 * 1024;

export const newest = (text: string, limit = FILE_LIMIT): string =>
  text.length <= limit ? text : `(the first ${text.length - limit} characters were left out)\n${text.slice(-limit)}`;

/** Reads one thing; what goes wrong is noted, and the rest goes on. */
export const attempt = async (
  collected: Collected,
  what: string,
  work: () => Promise<BundleFile | readonly BundleFile[]>,
): Promise<void> => {
  try {
    collected.files.push(...[await work()].flat());
  } catch (error) {
    const why = error instanceof StatusError ? `${error.code} ${error.message}` : error instanceof Error ? error.message : String(error);
    collected.missing.push({ what, why });
  }
};
