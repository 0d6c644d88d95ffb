import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { CommandError } from './errors.ts';
import type { Io } from './io.ts';
import { openPrompts } from './prompts.ts';
import { askForCluster, type WizardAnswers, type WizardChecks, type WizardDriver } from './wizard.ts';

/** What the wizard of `up` needs of provisioning. */
export interface WizardWork {
  drivers(): Promise<readonly WizardDriver[]>;
  checks: WizardChecks;
  /** The cluster file. Throws for answers that cannot be. */
  fileOf(answers: WizardAnswers): string;
  /** What `up -f path` would do. */
  planOf(path: string): Promise<WizardPlan>;
}

interface WizardPlan {
  text: string;
  /** Something is in the way. */
  lacks: boolean;
  /** All of that can be installed. */
  mayInstall: boolean;
}

/** Asks for a cluster, saves its file, shows the plan. Answers how to go on; throws CommandError where a person says no, and at Ctrl-C. */
export const upWizard = async (io: Io, work: WizardWork): Promise<{ path: string; install: boolean }> => {
  const prompts = await openPrompts(io);
  io.err(
    'No cluster and no file is named: a few questions, and Enter takes what is proposed. Ctrl-C stops; nothing is made before the end.\n',
  );
  const answers = await askForCluster(prompts, { drivers: await work.drivers(), checks: work.checks });
  const text = work.fileOf(answers);
  const path = await prompts.text('Save the cluster file as:', {
    default: `${answers.name}.yaml`,
    validate: (typed) => !existsSync(typed.trim()) || 'That file is there already: another name',
  });
  await writeFile(path, text, { flag: 'wx' });
  let plan: WizardPlan;
  try {
    plan = await work.planOf(path);
    io.err(`\n${plan.text}\n`);
    if (!plan.lacks || plan.mayInstall) {
      const install = plan.lacks && (await prompts.yes('Install what is missing on this computer?', { default: true }));
      if (await prompts.yes('Make it?', { default: true })) return { path, install };
    }
  } catch (error) {
    // Who stops leaves nothing; what cannot be planned yet (an image that cannot be had) can be gone on with.
    if (error instanceof CommandError) await rm(path, { force: true });
    else io.err(`${path} is written: slipway up -f ${path} goes on from there\n`);
    throw error;
  }
  const reason = plan.lacks && !plan.mayInstall ? 'what is in the way comes first' : 'stopped';
  throw new CommandError(`${reason}: nothing was made. The file is there: slipway up -f ${path}`, { exitCode: 1 });
};
