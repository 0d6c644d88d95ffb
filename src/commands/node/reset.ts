import { booleanFlag, type Flags, textFlag } from '../../cli/args/flags.ts';
import { askSudoPassword } from '../../cli/ask.ts';
import { BaseCommand, OUTPUT_FLAG } from '../../cli/base-command.ts';
import { followJob } from '../../cli/progress/follow-job.ts';

const flags = {
  'identity-file': textFlag('Private key for the host [agent, then ~/.ssh]', { char: 'i' }),
  'jump-host': textFlag('Reach the host through this one: user@address:port'),
  'ask-sudo-password': booleanFlag('Ask for the password that sudo wants there'),
  force: booleanFlag('Also when the host is a node of a cluster that this computer knows'),
  output: OUTPUT_FLAG,
} as const satisfies Flags;

export default class NodeReset extends BaseCommand<typeof flags> {
  static override summary = 'Take Slipway off a host, also when its cluster is gone';
  static override usage = 'HOST [flags]';
  static override description =
    'Stops its services, ends its containers and removes its files. What packages brought stays, and so does what is not of Slipway. HOST is user@address:port, a name of ~/.ssh/config, or the name of a node.';
  static override examples = ['slipway node reset root@192.0.2.11', 'slipway node reset lab-2 --force'];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ min: 1, max: 1 }, 'host');
    const { resetNode } = await import('../../provision/jobs/reset-node.ts');
    const given = this.args[0] ?? '';
    const job = resetNode(given, {
      identityFile: this.flags['identity-file'],
      jumpHost: this.flags['jump-host'],
      sudoPassword: this.flags['ask-sudo-password'] ? await askSudoPassword(this.io) : undefined,
      force: this.flags.force,
    });
    const { host, was } = await followJob(job, { io: this.io, json: this.flags.output === 'json' });
    if (this.flags.output !== 'json')
      this.io.out(was ? `${host} is no node of ${was.cluster} any more (it was ${was.node})\n` : `${host} was no node\n`);
  }
}
