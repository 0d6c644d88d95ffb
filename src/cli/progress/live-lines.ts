import type { ProgressEvent } from '../../base/progress.ts';
import type { Io } from '../io.ts';

export interface LiveLines {
  /** Shows an event; `finished` is the line that stays, or ''. */
  show(event: ProgressEvent, finished: string): void;
  /** Takes away what is still shown as under way. */
  end(): void;
}

/** On a terminal: finished steps stay as lines, and below them one line for each step that is under way, with its newest detail. */
export const createLiveLines = (io: Io): LiveLines => {
  const underWay = new Map<string, { title: string; detail: string }>();
  let drawn = 0;
  const erase = (): string => (drawn ? `\u001b[${drawn}A\u001b[0J` : '');
  const draw = (above: string): void => {
    const columns = io.stderr.columns || 80;
    const lines = [...underWay.values()].map(({ title, detail }) => `...     ${title}${detail ? `: ${detail}` : ''}`.slice(0, columns - 1));
    io.err(`${erase()}${above}${lines.map((line) => (io.color ? `\u001b[2m${line}\u001b[0m\n` : `${line}\n`)).join('')}`);
    drawn = lines.length;
  };
  return {
    show(event, finished) {
      const node = 'node' in event && event.node ? ` on ${event.node}` : '';
      if ('step' in event) {
        const key = event.step + node;
        if (event.type === 'step-started') underWay.set(key, { title: event.title + node, detail: '' });
        else if (event.type === 'step-detail') underWay.set(key, { title: underWay.get(key)?.title ?? event.step, detail: event.detail });
        else underWay.delete(key);
      }
      draw(finished);
    },
    end() {
      underWay.clear();
      draw('');
    },
  };
};
