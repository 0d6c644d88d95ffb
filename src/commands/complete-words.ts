import type { CommandContext } from '../cli/base-command.ts';
import { BaseCommand } from '../cli/base-command.ts';
import { complete } from '../cli/completion/complete.ts';

/** What completion scripts call: `slipway __complete WORDS...`. The words are data, so they are not parsed as flags. */
export default class CompleteWords extends BaseCommand {
  static override summary = 'Answers completion scripts';
  readonly #words: readonly string[];

  constructor(argv: readonly string[], context: CommandContext) {
    super([], context);
    this.#words = argv;
  }

  async run(): Promise<void> {
    const { values, directive } = await complete(this.#words, this.io);
    this.io.out(`${values.map((value) => `${value}\n`).join('')}:${directive}\n`);
  }
}
