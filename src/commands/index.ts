import type { CommandClass } from '../cli/base-command.ts';
import type { CommandGroup } from '../cli/help.ts';

export interface CommandEntry {
  summary: string;
  group: CommandGroup;
  /** Left out of help and completion. */
  hidden?: boolean;
  load: () => Promise<{ default: CommandClass }>;
}

/** Every command: what is typed -> how it is loaded. Only the one that runs is read from disk; help needs no more than this table. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  get: { summary: 'Show objects', group: 'Look', load: () => import('./get.ts') },
  version: { summary: 'Versions of this program and of the cluster', group: 'Settings', load: () => import('./version.ts') },
};
