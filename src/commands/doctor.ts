import { type Flags, listFlag, textFlag } from '../cli/args/flags.ts';
import { BaseCommand, OUTPUT_FLAG } from '../cli/base-command.ts';

const flags = {
  driver: textFlag('Check what this driver needs on this host, or `all` [those that clusters use, and local]'),
  host: listFlag('Check a host before it becomes a node: user@address:port; once for each'),
  'identity-file': textFlag('Private key for these hosts [agent, then ~/.ssh]', { char: 'i' }),
  'jump-host': textFlag('Reach these hosts through this one: user@address:port'),
  output: OUTPUT_FLAG,
} as const satisfies Flags;

export default class Doctor extends BaseCommand<typeof flags> {
  static override summary = 'Check this host, clusters and their nodes, and print what mends each finding';
  static override usage = '[NAME] [flags]';
  static override description =
    'Looks at packages and kernel of this host, at every node (ports, firewall, clock, disks, control groups, DNS, services) and at the ways between nodes. Changes nothing. Exit code 1 when an error was found; warnings alone give 0.';
  static override examples = [
    'slipway doctor',
    'slipway doctor demo -o json',
    'slipway doctor --driver all',
    'slipway doctor --host root@192.0.2.11',
  ];
  static override flags = flags;

  async run(): Promise<number> {
    this.expectArgs({ max: 1 }, 'name of a cluster');
    const { diagnose } = await import('../provision/doctor/diagnose.ts');
    const findings = await diagnose({
      cluster: this.args[0],
      driver: this.flags.driver,
      hosts: this.flags.host,
      identityFile: this.flags['identity-file'],
      jumpHost: this.flags['jump-host'],
    });
    if (this.flags.output === 'json') this.io.out(`${JSON.stringify(findings, undefined, 2)}\n`);
    else if (!findings.length) this.io.out('Nothing is wrong.\n');
    else this.io.out(findings.map(({ severity, about, problem, fix }) => `${severity}: ${about}: ${problem}\n  fix: ${fix}\n`).join(''));
    return findings.some((finding) => finding.severity === 'error') ? 1 : 0;
  }
}
