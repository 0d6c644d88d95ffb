import { formProblem, type TextForm } from '../base/text/text-form.ts';
import type { Prompts } from './prompts.ts';

/** A driver as the wizard shows it: what it is, and what it lacks here. */
export interface WizardDriver {
  name: string;
  summary: string;
  usesHosts: boolean;
  missing: readonly { problem: string; fix: string }[];
  settings: readonly {
    name: string;
    scope: 'cluster' | 'pool' | 'node';
    description: string;
    form?: TextForm;
    type: string;
    enum?: readonly string[];
  }[];
}

export interface WizardAnswers {
  name: string;
  driver: string;
  nodes?: number;
  hosts?: string[];
  cpus?: number;
  memoryMiB?: number;
  settings: Record<string, string>;
  addons: { demo: boolean; storageClass: boolean };
}

/** Asks for what a cluster needs, each question with an answer that is good. `drivers`: the best first. */
export const askForCluster = async (
  prompts: Prompts,
  { drivers, name }: { drivers: readonly WizardDriver[]; name?: string | undefined },
): Promise<WizardAnswers> => {
  const named = await prompts.text('Name of the cluster:', { default: name ?? 'slipway', validate: isName });
  const driver = await chooseDriver(prompts, drivers);
  const hosts = driver.usesHosts ? await askForHosts(prompts, driver) : undefined;
  const nodes = hosts
    ? undefined
    : Number(await prompts.text('Number of nodes, the first with the control plane:', { default: '2', validate: isNumber(1, 150) }));
  const size = hosts ? {} : await askForSize(prompts);
  const settings = await askForSettings(prompts, driver);
  const addons = await prompts.check('What to install in it:', [
    { value: 'storageClass', name: 'A storage class: folders on the nodes', checked: true },
    { value: 'demo', name: 'A demo application, exposed and fetched' },
  ]);
  return {
    name: named,
    driver: driver.name,
    ...(nodes ? { nodes } : {}),
    ...(hosts ? { hosts } : {}),
    ...size,
    settings,
    addons: { demo: addons.includes('demo'), storageClass: addons.includes('storageClass') },
  };
};

const chooseDriver = async (prompts: Prompts, drivers: readonly WizardDriver[]): Promise<WizardDriver> => {
  const chosen = await prompts.choose(
    'What makes the machines:',
    drivers.map(({ name, summary, missing }) => ({
      value: name,
      name: `${name}: ${summary}${missing.length ? ' (something is missing)' : ''}`,
      description: missing.length ? missing.map(({ problem, fix }) => `${problem} Try: ${fix}`).join('\n') : 'It can begin at once.',
    })),
  );
  return drivers.find((driver) => driver.name === chosen) as WizardDriver;
};

const askForHosts = async (prompts: Prompts, { settings }: WizardDriver): Promise<string[]> => {
  const form = settings.find(({ name }) => name === 'host')?.form ?? {};
  const text = await prompts.text('Hosts, user@address:port, the first with the control plane:', {
    validate: (typed) => {
      const hosts = hostsIn(typed);
      if (!hosts.length) return 'At least one host, with spaces between several';
      const wrong = hosts.find((host) => formProblem(form, host));
      return wrong === undefined || `${wrong}: ${formProblem(form, wrong)}`;
    },
  });
  return hostsIn(text);
};

const hostsIn = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

const askForSize = async (prompts: Prompts): Promise<{ cpus?: number; memoryMiB?: number }> => {
  const cpus = await prompts.text('CPUs of each node (empty: the driver decides):', { validate: isNumber(1, 1024, true) });
  const memory = await prompts.text('Memory of each node in GiB (empty: the driver decides):', {
    validate: (typed) => typed.trim() === '' || Number(typed) >= 0.5 || 'A number such as 2, at least 0.5, or nothing',
  });
  return { ...(cpus ? { cpus: Number(cpus) } : {}), ...(memory ? { memoryMiB: Math.round(Number(memory) * 1024) } : {}) };
};

/** What most machines cannot be made without is asked for; the rest only of those who want it. */
const ASKED_ALWAYS: readonly string[] = ['region', 'image', 'instanceType'];

const askForSettings = async (prompts: Prompts, driver: WizardDriver): Promise<Record<string, string>> => {
  const settings = driver.settings.filter((setting) => setting.scope !== 'node');
  const rest = settings.filter(({ name }) => !ASKED_ALWAYS.includes(name));
  const answers: Record<string, string> = {};
  const ask = async (of: readonly Setting[]): Promise<void> => {
    for (const setting of of)
      answers[setting.name] = await prompts.text(`${setting.name}: ${setting.description}`, {
        validate: (typed) => fits(typed.trim(), setting),
      });
  };
  await ask(settings.filter(({ name }) => ASKED_ALWAYS.includes(name)));
  const names = rest.map(({ name }) => name);
  const told = names.length > 4 ? `${names.slice(0, 4).join(', ')}, ...` : names.join(', ');
  if (rest.length && (await prompts.yes(`Change settings of ${driver.name} (${told})?`, { default: false }))) await ask(rest);
  return answers;
};

type Setting = WizardDriver['settings'][number];

const fits = (typed: string, { enum: allowed, form, type }: Setting): true | string => {
  if (typed === '') return true;
  if (allowed && !allowed.includes(typed)) return `One of ${allowed.join(', ')}, or nothing`;
  const texts = type === 'strings' ? typed.split(/[\s,]+/) : [typed];
  const problem = form && texts.map((text) => formProblem(form, text)).find((found) => found !== undefined);
  return problem === undefined || `${problem.startsWith('must ') ? `It ${problem}` : problem}, or nothing`;
};

const isName = (typed: string): true | string =>
  /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(typed.trim()) || 'Small letters, digits and hyphens, at most 40';

const isNumber =
  (least: number, most: number, orNothing = false) =>
  (typed: string): true | string =>
    (orNothing && typed.trim() === '') ||
    (/^\d+$/.test(typed.trim()) && Number(typed) >= least && Number(typed) <= most) ||
    `A whole number, ${least} to ${most}${orNothing ? ', or nothing' : ''}`;
