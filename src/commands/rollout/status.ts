import { durationMs } from '../../cli/args/duration.ts';
import { booleanFlag, type Flags, integerFlag, textFlag } from '../../cli/args/flags.ts';
import { CommandError, forEachItem } from '../../cli/errors.ts';
import { FILE_FLAGS, SELECTOR_FLAGS } from '../../cli/kube/object-flags.ts';
import { rolloutState } from '../../cli/kube/rollout-status.ts';
import { waitForObject } from '../../cli/kube/wait-for.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = {
  ...FILE_FLAGS,
  ...SELECTOR_FLAGS,
  watch: booleanFlag('Wait until it is done', { char: 'w', default: true }),
  timeout: textFlag('How long to wait (0: as long as it takes)', { default: '0s' }),
  revision: integerFlag('Fail when another revision is rolled out', { default: 0 }),
} as const satisfies Flags;

export default class RolloutStatus extends ObjectCommand<typeof flags> {
  static override summary = 'Follow a rollout until it is done';
  static override usage = '(TYPE NAME | TYPE/NAME | -f FILE) [flags]';
  static override examples = ['slipway rollout status deployment/web', 'slipway rollout status deployment/web --timeout=60s'];
  static override flags = flags;

  async run(): Promise<void> {
    await forEachItem(await this.objects(), async (info) => {
      let said = '';
      const say = (message: string): void => {
        if (message !== said) this.io.out(message);
        said = message;
      };
      const timeoutMs = durationMs(this.flags.timeout) || 7 * 24 * 3600 * 1000;
      await waitForObject(
        await this.session(),
        info,
        (object) => {
          if (!object) throw new CommandError('object has been deleted');
          const state = rolloutState(object);
          if (!state) throw new CommandError(`no status viewer has been implemented for "${object.kind}"`);
          if (this.flags.revision > 0 && Number(object.metadata.annotations?.['deployment.kubernetes.io/revision']) !== this.flags.revision)
            throw new CommandError(
              `desired revision (${this.flags.revision}) is different from the running revision (${object.metadata.annotations?.['deployment.kubernetes.io/revision']})`,
            );
          if (state.failed) throw new CommandError(state.message);
          say(state.message);
          return state.done || !this.flags.watch;
        },
        { timeoutMs, signal: this.signal },
      );
    });
  }
}
