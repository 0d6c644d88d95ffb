import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { packageRoot } from '../../base/templates/template.ts';
import type { Host } from '../../hosts/host.ts';
import { type ClusterContext, hostOf, onEveryNode } from '../cluster-context.ts';
import { NODE_PATHS, NODE_REQUIREMENTS } from '../spec/node-paths.ts';
import type { Step } from './step.ts';

/** Node.js and the two programs, each one file; and the packages of the distribution that nodes need. */
export const programs: Step<ClusterContext> = {
  name: 'programs',
  title: 'Laying down programs',
  plannable: true,
  needs: ['machines'],
  apply: async (context, report) => {
    const bundles = join(packageRoot(), 'dist');
    for (const name of ['slipway-server.js', 'slipway-agent.js'])
      if (!existsSync(join(bundles, name)))
        throw new SlipwayError('STEP_FAILED', { tried: `find ${name}`, cause: `${bundles} has no such file`, advice: ['npm run build'] });
    return onEveryNode(context.spec.nodes, async (node) => {
      const host = hostOf(context, node);
      const results = await Promise.all([
        installRequirements(host, context, report),
        host.copyFile(realpathSync(process.execPath), NODE_PATHS.node, { mode: 0o755 }),
        node.controlPlane ? host.copyFile(join(bundles, 'slipway-server.js'), NODE_PATHS.server, { mode: 0o644 }) : { changed: false },
        host.copyFile(join(bundles, 'slipway-agent.js'), NODE_PATHS.agent, { mode: 0o644 }),
        ...nativeParts(bundles).map((file) => host.copyFile(join(bundles, file), `${NODE_PATHS.programs}/${file}`, { mode: 0o644 })),
      ]);
      return { changed: results.some((result) => result.changed) };
    });
  },
};

/** Files that the programs load beside them (worker threads). */
const nativeParts = (bundles: string): string[] => readdirSync(bundles).filter((name) => /^slipway-(server|agent)-.*\.js$/.test(name));

const installRequirements = async (
  host: Host,
  context: ClusterContext,
  report: (detail: string) => void,
): Promise<{ changed: boolean }> => {
  const test = NODE_REQUIREMENTS.map(({ needs, package: name }) =>
    needs.startsWith('/') ? `[ -x ${needs} ] || echo ${name}` : `command -v ${needs} > /dev/null || echo ${name}`,
  ).join('\n');
  const missing = async () => [
    ...new Set(
      (await host.run(['sh', '-c', `PATH=$PATH:/usr/sbin:/sbin\n${test}`], { readOnly: true })).stdout.split('\n').filter(Boolean),
    ),
  ];
  const packages = await missing();
  if (!packages.length) return { changed: false };
  if (!context.options.yes)
    throw new SlipwayError('PACKAGES_MISSING', {
      tried: `use ${host.name} as a node`,
      cause: `it lacks ${packages.join(', ')}`,
      advice: [
        `apt-get install ${packages.join(' ')}   # on ${host.name}`,
        `slipway up ${context.spec.name} --yes   # installs them itself`,
      ],
    });
  report(`installing ${packages.join(', ')} on ${host.name}`);
  const script = `export DEBIAN_FRONTEND=noninteractive
install() { apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=300 ${packages.join(' ')}; }
install || { apt-get update && install; }`;
  await host.run(['sh', '-c', script], { signal: context.signal, timeoutMs: 600_000 });
  const still = await missing();
  if (still.length)
    throw new SlipwayError('PACKAGES_MISSING', { tried: `use ${host.name} as a node`, cause: `it still lacks ${still.join(', ')}` });
  return { changed: true };
};
