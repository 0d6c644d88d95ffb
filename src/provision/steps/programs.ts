import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { PRODUCT_VERSION } from '../../base/product.ts';
import { packageRoot } from '../../base/templates/template.ts';
import { factsOf } from '../../hosts/facts/host-facts.ts';
import type { Host } from '../../hosts/host.ts';
import { distributionFamily } from '../../hosts/packages/distribution-family.ts';
import { installCommand, installPackages } from '../../hosts/packages/install-packages.ts';
import { installFromBundle } from '../bundle/install-packages.ts';
import { type ClusterContext, commandOf, hostOf, onEveryNode } from '../cluster-context.ts';
import type { NodeSpec } from '../spec/cluster-spec.ts';
import { missingPackages, NODE_PATHS } from '../spec/node-paths.ts';
import type { Step } from './step.ts';

/** Node.js and the two programs, each one file; and the packages of the distribution that nodes need. */
export const programs: Step<ClusterContext> = {
  name: 'programs',
  title: 'Laying down programs',
  plannable: true,
  needs: ['hosts'],
  apply: (context, report) => onEveryNode(context, context.spec.nodes, (node) => layPrograms(context, node, report)),
};

/** The programs of this version, in place of those that are there. */
export const layPrograms = async (
  context: ClusterContext,
  node: NodeSpec,
  report: (detail: string) => void,
): Promise<{ changed: boolean }> => {
  const bundles = join(packageRoot(), 'dist');
  for (const name of ['slipway-server.js', 'slipway-agent.js'])
    if (!existsSync(join(bundles, name)))
      throw new SlipwayError('STEP_FAILED', { tried: `find ${name}`, cause: `${bundles} has no such file`, advice: ['npm run build'] });
  const host = hostOf(context, node);
  // Before anything is laid down: a mirror that is away leaves the host as it was.
  const installed = await installRequirements(host, context, report);
  const results = await Promise.all([
    host.copyFile(context.bundle?.pathOf('programs/node') ?? realpathSync(process.execPath), NODE_PATHS.node, { mode: 0o755 }),
    node.controlPlane ? host.copyFile(join(bundles, 'slipway-server.js'), NODE_PATHS.server, { mode: 0o644 }) : { changed: false },
    host.copyFile(join(bundles, 'slipway-agent.js'), NODE_PATHS.agent, { mode: 0o644 }),
    host.writeFile(NODE_PATHS.version, `${PRODUCT_VERSION}\n`, { mode: 0o644 }),
    cloudProgram(context, { node, host, bundles }),
    ...nativeParts(bundles).map((file) => host.copyFile(join(bundles, file), `${NODE_PATHS.programs}/${file}`, { mode: 0o644 })),
  ]);
  return { changed: installed.changed || results.some((result) => result.changed) };
};

/** Files that the programs load beside them (worker threads). */
const nativeParts = (bundles: string): string[] => readdirSync(bundles).filter((name) => /^slipway-(server|agent)-.*\.js$/.test(name));

/** Packages that a host lacks to be a node, by their names in Debian. */
export const missingRequirements = async (host: Host): Promise<string[]> => missingPackages(await factsOf(host));

/** What the server of a machine of a cloud asks that cloud by. */
const cloudProgram = async (
  context: ClusterContext,
  { node, host, bundles }: { node: NodeSpec; host: Host; bundles: string },
): Promise<{ changed: boolean }> => {
  const cloud = node.controlPlane ? (await context.drivers.of(node)).cloud : undefined;
  if (!cloud) return { changed: false };
  const file = `slipway-${cloud.provider}.js`;
  return host.copyFile(join(bundles, file), `${NODE_PATHS.programs}/${file}`, { mode: 0o644 });
};

const installRequirements = async (
  host: Host,
  context: ClusterContext,
  report: (detail: string) => void,
): Promise<{ changed: boolean }> => {
  const packages = await missingRequirements(host);
  if (!packages.length) return { changed: false };
  const family = distributionFamily((await factsOf(host)).distribution);
  const command = installCommand('refusal' in family ? 'apt' : family.packageManager, packages);
  const tried = `use ${host.name} as a node`;
  if (!context.options.yes)
    throw new SlipwayError('PACKAGES_MISSING', {
      tried,
      cause: `it lacks ${packages.join(', ')}`,
      advice: [`${command}   # on ${host.name}`, `${commandOf(context)} --yes   # installs them itself`],
    });
  report(`installing ${packages.join(', ')} on ${host.name}`);
  if (context.bundle) await installFromBundle(host, { bundle: context.bundle, packages, signal: context.signal });
  else await installPackages(host, packages, { signal: context.signal });
  const still = missingPackages(await factsOf(host, { again: true }));
  if (still.length) throw new SlipwayError('PACKAGES_MISSING', { tried, cause: `it still lacks ${still.join(', ')}`, advice: [command] });
  return { changed: true };
};
