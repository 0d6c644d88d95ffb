import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Host } from '../../hosts/host.ts';
import { type ClusterContext, type ClusterPki, hostOf } from '../cluster-context.ts';
import type { NodeSpec } from '../spec/cluster-spec.ts';
import { type LeafName, layLeaf } from './node-leaves.ts';

/** Writes files by path, private to root; keys among them never pass through a command line. */
export const layFiles = async (host: Host, files: Readonly<Record<string, string>>): Promise<{ changed: boolean }> => {
  const results = await Promise.all(Object.entries(files).map(([path, text]) => host.writeFile(path, text, { mode: 0o600 })));
  return { changed: results.some((result) => result.changed) };
};

/** Lays down a node's new certificates. Its programs take them up by themselves, so this is no reason to restart them. */
export const layFreshLeaves = async (
  context: ClusterContext,
  node: NodeSpec,
  names: readonly LeafName[],
): Promise<{ changed: boolean }> => {
  const fresh = [...(requirePki(context).fresh.get(node.name) ?? [])].filter(([name]) => names.includes(name));
  await Promise.all(fresh.map(([name, leaf]) => layLeaf(hostOf(context, node), name, leaf)));
  return { changed: fresh.length > 0 };
};

export const requirePki = (context: ClusterContext): ClusterPki => {
  if (!context.pki) throw new SlipwayError('STEP_FAILED', { tried: 'use the certificates', cause: 'they have not been issued yet' });
  return context.pki;
};
