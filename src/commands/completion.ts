import type { Flags } from '../cli/args/flags.ts';
import { BaseCommand } from '../cli/base-command.ts';
import { COMPLETION_SCRIPTS } from '../cli/completion/scripts.ts';
import { UsageError } from '../cli/errors.ts';

const flags = {} as const satisfies Flags;

export default class Completion extends BaseCommand<typeof flags> {
  static override summary = 'Print the completion script of a shell';
  static override usage = '(bash | zsh | fish)';
  static override examples = ['source <(slipway completion bash)', 'slipway completion fish > ~/.config/fish/completions/slipway.fish'];
  static override flags = flags;

  async run(): Promise<void> {
    const shell = this.args[0] ?? '';
    const script = COMPLETION_SCRIPTS[shell];
    if (!script) throw new UsageError(`no completion for ${JSON.stringify(shell)}: there is ${Object.keys(COMPLETION_SCRIPTS).join(', ')}`);
    this.io.out(script);
  }
}
