import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Host } from '../../hosts/host.ts';
import type { ClusterContext, ClusterPki } from '../cluster-context.ts';

/** Writes files by path, private to root; keys among them never pass through a command line. */
export const layFiles = async (host: Host, files: Readonly<Record<string, string>>): Promise<{ changed: boolean }> => {
  const results = await Promise.all(Object.entries(files).map(([path, text]) => host.writeFile(path, text, { mode: 0o600 })));
  return { changed: results.some((result) => result.changed) };
};

export const requirePki = (context: ClusterContext): ClusterPki => {
  if (!context.pki) throw new SlipwayError('STEP_FAILED', { tried: 'use the certificates', cause: 'they have not been issued yet' });
  return context.pki;
};
