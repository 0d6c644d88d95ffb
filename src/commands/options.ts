import { BaseCommand } from '../cli/base-command.ts';
import { KUBE_FLAGS } from '../cli/kube/session.ts';
import { renderRows } from '../cli/output/text-table.ts';

export default class Options extends BaseCommand {
  static override summary = 'Flags that every command for a cluster takes';
  static override examples = ['slipway options'];

  async run(): Promise<void> {
    const rows = Object.entries(KUBE_FLAGS)
      .filter(([, flag]) => !('hidden' in flag && flag.hidden))
      .map(([name, flag]) => [`  ${'char' in flag && flag.char ? `-${flag.char}, ` : '    '}--${name}`, flag.description]);
    this.io.out(`The following options can be passed to any command:\n\n${renderRows(rows)}`);
  }
}
