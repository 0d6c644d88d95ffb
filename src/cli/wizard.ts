import { HOURS_A_MONTH } from '../base/hours-a-month.ts';
import type { Prompts } from './prompts.ts';

/** A driver as the wizard shows it: what it is, and what it lacks here. */
export interface WizardDriver {
  name: string;
  summary: string;
  usesHosts: boolean;
  /** Its machines have disks of a size that can be chosen. */
  hasDisks?: boolean;
  /** Machines that can be had, by what the setting `instanceType` takes, with what each costs; undefined where CPUs and memory are free. */
  offers?: (wish: { settings: Readonly<Record<string, string>>; diskGiB?: number | undefined }) => Promise<readonly WizardOffer[]>;
  missing: readonly { problem: string; fix: string }[];
  settings: readonly {
    name: string;
    scope: 'cluster' | 'pool' | 'node';
    description: string;
    problemOf: Check;
  }[];
}

/** What is wrong with a text that is typed, as `must be ...` or a whole sentence; undefined where it may stand. */
type Check = (typed: string) => string | undefined;

/** The rules of a cluster file, for what no driver has a say in. Sizes are typed in GiB. */
export type WizardChecks = Readonly<Record<'name' | 'nodes' | 'cpus' | 'memory' | 'disk', Check>>;

export interface WizardOffer {
  name: string;
  cpus: number;
  memoryMiB: number;
  usdPerHour: number | undefined;
  isDefault: boolean;
}

export interface WizardAnswers {
  name: string;
  driver: string;
  nodes?: number;
  hosts?: string[];
  cpus?: number;
  memoryMiB?: number;
  diskGiB?: number;
  settings: Record<string, string>;
  addons: { demo: boolean; storageClass: boolean };
}

/** Asks for what a cluster needs, each question with an answer that is good. `drivers`: the best first. */
export const askForCluster = async (
  prompts: Prompts,
  { drivers, checks, name }: { drivers: readonly WizardDriver[]; checks: WizardChecks; name?: string | undefined },
): Promise<WizardAnswers> => {
  const named = await prompts.text('Name of the cluster:', { default: name ?? 'slipway', validate: must(checks.name) });
  const driver = await chooseDriver(prompts, drivers);
  const hosts = driver.usesHosts ? await askForHosts(prompts, driver) : undefined;
  const nodes = hosts
    ? undefined
    : Number(await prompts.text('Number of nodes, the first with the control plane:', { default: '2', validate: must(checks.nodes) }));
  const settings = await askForSettings(prompts, settingsOf(driver, BEFORE_SIZE));
  const size = hosts ? {} : await askForSize(prompts, { driver, checks, settings, nodes });
  Object.assign(settings, await askForSettings(prompts, settingsOf(driver, AFTER_SIZE)), await askForRest(prompts, driver));
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
  const problemOf = settings.find(({ name }) => name === 'host')?.problemOf ?? (() => undefined);
  const text = await prompts.text('Hosts, user@address:port, the first with the control plane:', {
    validate: (typed) => {
      const hosts = hostsIn(typed);
      if (!hosts.length) return 'At least one host, with spaces between several';
      const wrong = hosts.find((host) => problemOf(host));
      return wrong === undefined || `${wrong}: ${problemOf(wrong)}`;
    },
  });
  return hostsIn(text);
};

const hostsIn = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

type Size = Pick<WizardAnswers, 'cpus' | 'memoryMiB' | 'diskGiB'>;

/** Adds to the settings where a kind of machine says the size. */
const askForSize = async (
  prompts: Prompts,
  {
    driver,
    checks,
    settings,
    nodes = 1,
  }: { driver: WizardDriver; checks: WizardChecks; settings: Record<string, string>; nodes: number | undefined },
): Promise<Size> => {
  const offers = driver.offers;
  const size = offers ? {} : await askForCpusAndMemory(prompts, checks);
  const disk = driver.hasDisks
    ? await prompts.text('Disk of each node in GiB (empty: the driver decides):', { validate: mayBe(checks.disk) })
    : '';
  const diskGiB = disk ? Number(disk) : undefined;
  if (offers) settings['instanceType'] = await chooseOffer(prompts, { offers: await offers({ settings, diskGiB }), nodes });
  return { ...size, ...(diskGiB ? { diskGiB } : {}) };
};

const askForCpusAndMemory = async (prompts: Prompts, checks: WizardChecks): Promise<Size> => {
  const cpus = await prompts.text('CPUs of each node (empty: the driver decides):', { validate: mayBe(checks.cpus) });
  const memory = await prompts.text('Memory of each node in GiB (empty: the driver decides):', {
    validate: mayBe(checks.memory),
  });
  return { ...(cpus ? { cpus: Number(cpus) } : {}), ...(memory ? { memoryMiB: Math.round(Number(memory) * 1024) } : {}) };
};

const ANOTHER = 'another';

/** What a size costs is seen where it is chosen. */
const chooseOffer = async (prompts: Prompts, { offers, nodes }: { offers: readonly WizardOffer[]; nodes: number }): Promise<string> => {
  const width = Math.max(...offers.map(({ name }) => name.length));
  const chosen = await prompts.choose(
    'Machine of each node:',
    [
      ...offers.map(({ name, cpus, memoryMiB, usdPerHour }) => ({
        value: name,
        name: `${name.padEnd(width)}  ${cpus} CPUs, ${memoryMiB / 1024} GiB, ${priceText(usdPerHour, nodes)}`,
      })),
      { value: ANOTHER, name: 'another type', description: 'Its name is asked for; what it costs is not known here.' },
    ],
    { default: offers.find(({ isDefault }) => isDefault)?.name },
  );
  if (chosen !== ANOTHER) return chosen;
  return prompts.text('Type of each machine:', { validate: (typed) => typed.trim() !== '' || 'A name, such as t3.medium' });
};

const priceText = (usdPerHour: number | undefined, nodes: number): string =>
  usdPerHour === undefined
    ? 'price not known'
    : `about $${usdPerHour.toFixed(4)} an hour with its disk, $${Math.round(usdPerHour * nodes * HOURS_A_MONTH)} a month for all ${nodes}`;

/** What most machines cannot be made without is asked for, in this order; the rest only of those who want it. */
const BEFORE_SIZE: readonly string[] = ['region'];
const AFTER_SIZE: readonly string[] = ['image'];
const ASKED_ALWAYS: readonly string[] = [...BEFORE_SIZE, ...AFTER_SIZE, 'instanceType'];

const settingsOf = (driver: WizardDriver, names: readonly string[]): Setting[] =>
  driver.settings.filter(({ name, scope }) => scope !== 'node' && names.includes(name));

const askForSettings = async (prompts: Prompts, of: readonly Setting[]): Promise<Record<string, string>> => {
  const answers: Record<string, string> = {};
  for (const setting of of)
    answers[setting.name] = await prompts.text(`${setting.name}: ${setting.description}`, {
      validate: mayBe(setting.problemOf),
    });
  return answers;
};

const askForRest = async (prompts: Prompts, driver: WizardDriver): Promise<Record<string, string>> => {
  const rest = driver.settings.filter(({ name, scope }) => scope !== 'node' && !ASKED_ALWAYS.includes(name));
  const names = rest.map(({ name }) => name);
  const told = names.length > 4 ? `${names.slice(0, 4).join(', ')}, ...` : names.join(', ');
  const isWanted = rest.length > 0 && (await prompts.yes(`Change settings of ${driver.name} (${told})?`, { default: false }));
  return isWanted ? askForSettings(prompts, rest) : {};
};

type Setting = WizardDriver['settings'][number];

const must =
  (problemOf: Check) =>
  (typed: string): true | string => {
    const problem = problemOf(typed.trim());
    return problem === undefined || sentence(problem);
  };

const mayBe =
  (problemOf: Check) =>
  (typed: string): true | string => {
    const problem = typed.trim() === '' ? undefined : problemOf(typed.trim());
    return problem === undefined || `${sentence(problem)}, or nothing`;
  };

const sentence = (problem: string): string => (problem.startsWith('must ') ? `It ${problem}` : problem);
