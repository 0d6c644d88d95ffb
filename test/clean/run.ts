/**
 * The README's two commands on a machine that has never seen Slipway: a fresh Debian with git and nothing else, in a folder.
 *
 *   npm run test:clean                        Debian 12 (bookworm), the whole of `npm test`
 *   npm run test:clean -- trixie unit         another release, some tiers only
 *   npm run test:clean -- ROOT.tar none       a root made before by mmdebstrap, `up` and `down` alone
 *
 * It needs root, mmdebstrap, runc and slirp4netns, and the registries of Debian and npm. What is committed is what is tested. Nothing is
 * left behind, whatever happens.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { CleanMachine } from './clean-machine.ts';

const [base = 'bookworm', ...tiers] = process.argv.slice(2);
const missing = ['mmdebstrap', 'runc', 'slirp4netns', 'git'].filter((name) => spawnSync('which', [name]).status !== 0);
if (process.getuid?.() !== 0) missing.unshift('root');
if (missing.length) {
  console.error(`test:clean needs ${missing.join(', ')}: apt-get install mmdebstrap runc slirp4netns git`);
  process.exit(2);
}

const story = `
set -eux
git -c advice.detachedHead=false clone -q /root/slipway.bundle slipway
cd slipway
command -v node || { ./bin/slipway version --client && exit 1 || true; }   # says what is missing, and the command that gets it
./bin/slipway up demo --yes --demo
node --version
./bin/slipway get nodes,pods -o wide
./bin/slipway doctor
./bin/slipway down demo --yes
test -z "$(ls /root/.slipway/clusters /var/lib/slipway/clusters /var/lib/slipway/networks | grep -v :)"
${tiers.includes('none') ? '' : `npm test ${tiers.length ? `-- ${tiers.join(' ')}` : ''}`}
`;

const machine = new CleanMachine();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    machine.remove();
    process.exit(130);
  });
let code = 1;
try {
  console.log(`# making a machine from ${base} in ${machine.folder} ...`);
  machine.make({ base, packages: ['git', 'ca-certificates'] });
  const bundle = spawnSync('git', ['bundle', 'create', '--quiet', join(machine.root, 'root/slipway.bundle'), 'HEAD'], { stdio: 'inherit' });
  if (bundle.status !== 0) throw new Error('the project could not be bundled');
  code = await machine.run(story);
} finally {
  machine.remove();
}
console.log(code === 0 ? '# the clean machine passed' : `# the clean machine failed with exit code ${code}`);
process.exit(code);
