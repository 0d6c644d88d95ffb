import { booleanFlag, type Flags, textFlag } from '../cli/args/flags.ts';
import { BaseCommand, OUTPUT_FLAG } from '../cli/base-command.ts';
import { UsageError } from '../cli/errors.ts';
import { followJob } from '../cli/progress/follow-job.ts';

const flags = {
  file: textFlag('Cluster file: its name is taken from there', { char: 'f' }),
  yes: booleanFlag('Do not ask for the name', { char: 'y' }),
  force: booleanFlag('Also machines that no state file knows; does not ask'),
  'if-exists': booleanFlag('A cluster that is not there is no error: for clean-up that always runs'),
  driver: textFlag('Driver of machines that no state file knows, with --force [local]'),
  'ask-sudo-password': booleanFlag('Ask for the password that sudo wants on hosts, ssh driver'),
  output: OUTPUT_FLAG,
} as const satisfies Flags;

export default class Down extends BaseCommand<typeof flags> {
  static override summary = 'Remove a cluster with everything that belongs to it';
  static override usage = '[NAME] [flags]';
  static override description =
    'On a terminal, asks for the name of the cluster before anything is removed. Off it, the name in the command, or --yes, is consent.';
  static override examples = [
    'slipway down demo',
    'slipway down demo --yes',
    'slipway down -f cluster.yaml',
    'slipway down ci --force --if-exists   # the last step of a CI job',
  ];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ max: 1 }, 'name of a cluster');
    const [{ down }, { chooseCluster }] = await Promise.all([
      import('../provision/jobs/down.ts'),
      import('../provision/state/choose-cluster.ts'),
    ]);
    if (this.flags['if-exists'] && (await this.isAbsent())) return;
    const name = await chooseCluster(this.args[0] ?? (await this.nameInFile()));
    if (!this.flags.yes && !this.flags.force) await this.ask(name);
    const sudoPassword = this.flags['ask-sudo-password'] ? await (await import('../cli/ask.ts')).askSudoPassword(this.io) : undefined;
    const { machines } = await followJob(down(name, { force: this.flags.force, driver: this.flags.driver, sudoPassword }), {
      io: this.io,
      json: this.flags.output === 'json',
    });
    if (this.flags.output !== 'json') this.io.out(`Cluster ${name} is removed (${machines.join(', ') || 'it had no machines'})\n`);
  }

  /** With --force there may be machines that nothing here knows: then it is not certain. */
  private async isAbsent(): Promise<boolean> {
    const { ClusterStateFolder, clusterNames } = await import('../provision/state/cluster-state.ts');
    const [name] = this.args;
    const isKnown = name ? this.flags.force || (await new ClusterStateFolder(name).isBegun()) : (await clusterNames()).length > 0;
    if (!isKnown) this.io.err(`no cluster ${name ?? ''} is there: nothing to remove\n`.replace('  ', ' '));
    return !isKnown;
  }

  private async nameInFile(): Promise<string | undefined> {
    if (this.flags.file === undefined) return undefined;
    const { loadClusterFile } = await import('../provision/file/load-cluster-file.ts');
    return (await loadClusterFile(this.flags.file, { flags: {}, stdin: this.io.stdin })).wishes.name;
  }

  /** What is not there is not asked about: the job tells it, and clears away what a killed `up` left. */
  private async ask(name: string): Promise<void> {
    const { ClusterStateFolder } = await import('../provision/state/cluster-state.ts');
    const folder = new ClusterStateFolder(name);
    if (!(await folder.isBegun())) return;
    if (this.io.interactive) {
      const { askToType } = await import('../cli/ask.ts');
      const nodes = (await folder.read())?.spec.nodes.length ?? 'all';
      await askToType(name, {
        message: `This removes the cluster ${name}: ${nodes} nodes, workloads, data. Type its name to go on:`,
        io: this.io,
      });
    } else if (!this.args[0] && !this.flags.file)
      throw new UsageError(`there is no terminal to ask on: name the cluster (slipway down ${name}), or add --yes`);
  }
}
