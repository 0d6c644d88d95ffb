import { writeFile } from 'node:fs/promises';
import { booleanFlag, type Flags, textFlag } from '../cli/args/flags.ts';
import { BaseCommand } from '../cli/base-command.ts';
import { CLUSTER_FLAGS, nobodyToAsk, tellsCluster, wishesOf } from '../cli/cluster-flags.ts';
import { CommandError } from '../cli/errors.ts';

const { file: _, ...WISHES } = CLUSTER_FLAGS;

const flags = {
  ...WISHES,
  demo: booleanFlag('With the demo application'),
  output: textFlag('File to write [stdout]', { char: 'o' }),
  force: booleanFlag('Write over a file that is there'),
} as const satisfies Flags;

export default class Init extends BaseCommand<typeof flags> {
  static override summary = 'Write a cluster file';
  static override usage = '[NAME] [flags]';
  static override description =
    'From flags; on a terminal without any, from the answers to a few questions. Every key has a comment; those that are left at their defaults stand behind "#".';
  static override examples = [
    'slipway init lab -o lab.yaml',
    'slipway init rack --host root@192.0.2.11 --host root@192.0.2.12 > rack.yaml',
  ];
  static override flags = flags;

  async run(): Promise<void> {
    this.expectArgs({ max: 1 }, 'name of a cluster');
    const { fileOfWishes } = await import('../provision/file/file-of-wishes.ts');
    const said = wishesOf(this.args[0], { ...this.flags, file: undefined }, this.given);
    if (!this.io.interactive && !tellsCluster(this, ['demo']))
      throw nobodyToAsk('write a cluster file', ['slipway init NAME --driver local --nodes 2 -o NAME.yaml']);
    const isAsked = this.io.interactive && [...this.given].every((flag) => flag === 'output' || flag === 'force');
    const text = isAsked
      ? fileOfWishes(await this.ask())
      : fileOfWishes({ ...said, name: said.name ?? 'slipway', ...(this.flags.demo ? { addons: { demo: true } } : {}) });
    const path = this.flags.output;
    if (path === undefined || path === '-') {
      this.io.out(text);
      return;
    }
    await writeFile(path, text, { flag: this.flags.force ? 'w' : 'wx' }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
      throw new CommandError(`${path} is there already: --force writes over it`, { exitCode: 1, cause: error });
    });
    this.io.err(`${path} is written\n\nNext:\n  slipway plan -f ${path}\n  slipway up -f ${path}\n`);
  }

  private async ask() {
    const [{ openPrompts }, { askForCluster }, { rankDrivers }, { ANSWER_CHECKS }] = await Promise.all([
      import('../cli/prompts.ts'),
      import('../cli/wizard.ts'),
      import('../provision/rank-drivers.ts'),
      import('../provision/file/typed-answers.ts'),
    ]);
    return askForCluster(await openPrompts(this.io), { drivers: await rankDrivers(), checks: ANSWER_CHECKS, name: this.args[0] });
  }
}
