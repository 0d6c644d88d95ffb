import type { Flags } from '../cli/args/flags.ts';
import { BaseCommand, OUTPUT_FLAG } from '../cli/base-command.ts';

const flags = { output: OUTPUT_FLAG } as const satisfies Flags;

export default class Doctor extends BaseCommand<typeof flags> {
  static override summary = 'Check this host and all clusters, and print what mends each finding';
  static override examples = ['slipway doctor', 'slipway doctor -o json'];
  static override flags = flags;

  async run(): Promise<number> {
    this.expectArgs({ max: 0 });
    const { diagnose } = await import('../provision/cluster-status.ts');
    const findings = await diagnose();
    if (this.flags.output === 'json') this.io.out(`${JSON.stringify(findings, undefined, 2)}\n`);
    else if (!findings.length) this.io.out('Nothing is wrong.\n');
    else this.io.out(findings.map(({ severity, about, problem, fix }) => `${severity}: ${about}: ${problem}\n  fix: ${fix}\n`).join(''));
    return findings.some((finding) => finding.severity === 'error') ? 1 : 0;
  }
}
