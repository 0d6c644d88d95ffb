import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Finding } from '../../drivers/driver.ts';
import { createLocalHost } from '../../hosts/local/local-host.ts';
import { runProcess } from '../../hosts/local/run-process.ts';
import { installFromBundle } from '../bundle/install-packages.ts';
import type { OpenBundle } from '../bundle/open-bundle.ts';
import { type ClusterContext, commandOf } from '../cluster-context.ts';
import type { Step } from './step.ts';

/** What the driver needs on this computer. With --yes, missing packages are installed. */
export const preflight: Step<ClusterContext> = {
  name: 'preflight',
  title: 'Checking this host',
  apply: async (context, report) => {
    const drivers = await context.drivers.used();
    const look = async () => errorsOf((await Promise.all(drivers.map((driver) => driver.preflight()))).flat());
    let findings = await look();
    const packages = [...new Set(findings.flatMap((finding) => finding.packages ?? []))];
    let changed = false;
    if (packages.length && context.options.yes && findings.every((finding) => finding.packages)) {
      report(`installing ${packages.join(', ')}`);
      await (context.bundle ? installHere(packages, context.bundle, context.signal) : installPackages(packages, context.signal));
      changed = true;
      findings = await look();
    }
    const [first] = findings;
    if (!first) return { changed };
    throw new SlipwayError(first.code ?? 'PREFLIGHT_FAILED', {
      tried: `make the cluster ${context.spec.name}`,
      cause: findings.map((finding) => finding.problem.replace(/\.$/, '')).join('; '),
      advice: [
        ...findings.map((finding) => finding.fix),
        ...(packages.length ? [`${commandOf(context)} --yes   # installs packages itself`] : []),
      ],
    });
  },
};

const errorsOf = (findings: readonly Finding[]): Finding[] => findings.filter((finding) => finding.severity === 'error');

const installHere = async (packages: readonly string[], bundle: OpenBundle, signal: AbortSignal): Promise<void> => {
  const host = await createLocalHost({ name: 'this host', services: 'systemd' });
  await installFromBundle(host, { bundle, packages, signal });
};

const installPackages = async (packages: readonly string[], signal: AbortSignal): Promise<void> => {
  const install = ['apt-get', 'install', '--yes', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', ...packages];
  const options = { where: 'this host', signal, env: { DEBIAN_FRONTEND: 'noninteractive' } };
  const first = await runProcess(install, { ...options, check: false });
  if (first.exitCode === 0) return;
  // A machine whose package lists are old, or empty, learns of the packages first.
  await runProcess(['apt-get', 'update'], options);
  await runProcess(install, options);
};
