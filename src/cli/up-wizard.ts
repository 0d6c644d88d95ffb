import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { CommandError } from './errors.ts';
import type { Prompts } from './prompts.ts';
import { askForCluster, type WizardAnswers, type WizardChecks, type WizardDriver } from './wizard.ts';

/** What the wizard of `up` needs beside a person. */
export interface WizardWork {
  /** Text for the person. */
  say(text: string): void;
  drivers(): Promise<readonly WizardDriver[]>;
  checks: WizardChecks;
  /** The cluster file. Throws for answers that cannot be. */
  fileOf(answers: WizardAnswers): string;
  /** What `up -f path` would do. */
  planOf(path: string): Promise<WizardPlan>;
  /** Ctrl-C while there is no question. */
  signal: AbortSignal;
}

interface WizardPlan {
  text: string;
  /** Something is in the way. */
  lacks: boolean;
  /** All of that can be installed. */
  mayInstall: boolean;
}

/** Asks for a cluster, saves its file, shows the plan. Answers how to go on; throws CommandError where a person says no, and at Ctrl-C. */
export const upWizard = async (prompts: Prompts, work: WizardWork): Promise<{ path: string; install: boolean }> => {
  work.say(
    'No cluster and no file is named: a few questions, and Enter takes what is proposed. Ctrl-C stops; nothing is made before the end.\n',
  );
  const answers = await askForCluster(prompts, { drivers: await work.drivers(), checks: work.checks });
  const text = work.fileOf(answers);
  const path = await prompts.text('Save the cluster file as:', {
    default: `${answers.name}.yaml`,
    validate: (typed) => !existsSync(typed.trim()) || 'That file is there already: another name',
  });
  await writeFile(path, text, { flag: 'wx' });
  let isInTheWay: boolean;
  try {
    const { text: planned, lacks, mayInstall } = await work.planOf(path);
    work.say(`\n${planned}\n`);
    const install = lacks && mayInstall && (await prompts.yes('Install what is missing on this computer?', { default: true }));
    isInTheWay = lacks && !install;
    if (!isInTheWay && (await prompts.yes('Make it?', { default: true }))) return { path, install };
  } catch (error) {
    // Ctrl-C leaves nothing; what cannot be planned yet (an image that cannot be had) can be gone on with.
    if (error instanceof CommandError || work.signal.aborted) await rm(path, { force: true });
    else work.say(`${path} is written: slipway up -f ${path} goes on from there\n`);
    throw error;
  }
  const reason = isInTheWay ? 'what is in the way comes first' : 'stopped';
  throw new CommandError(`${reason}: nothing was made. The file is there: slipway up -f ${path}`, { exitCode: 1 });
};
