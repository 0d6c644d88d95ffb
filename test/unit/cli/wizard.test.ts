/** Which questions are asked, in which order, and what the answers become: with drivers and answers of the test's own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Choice, Prompts } from '../../../src/cli/prompts.ts';
import { askForCluster, type WizardAnswers, type WizardDriver } from '../../../src/cli/wizard.ts';
import { DRIVERS } from '../../../src/drivers/index.ts';
import { fileOfWishes } from '../../../src/provision/file/file-of-wishes.ts';
import { ANSWER_CHECKS, typedSettingProblem } from '../../../src/provision/file/typed-answers.ts';

interface Asked {
  questions: string[];
  /** By question: what was said of a first answer that could not stand. */
  refusals: Map<string, string>;
  choices: Map<string, readonly Choice[]>;
  answers: WizardAnswers;
}

/** Answers by what the question begins with; all others get what is proposed. */
const ask = async (
  drivers: readonly WizardDriver[],
  replies: Readonly<Record<string, string>>,
  wrong: Readonly<Record<string, string>> = {},
): Promise<Asked> => {
  const questions: string[] = [];
  const choices = new Map<string, readonly Choice[]>();
  const refusals = new Map<string, string>();
  const replyTo = (message: string): string | undefined => {
    questions.push(message);
    return Object.entries(replies).find(([beginning]) => message.startsWith(beginning))?.[1];
  };
  const prompts: Prompts = {
    text: async (message, { default: proposed = '', validate = () => true } = {}) => {
      const bad = Object.entries(wrong).find(([beginning]) => message.startsWith(beginning));
      if (bad) refusals.set(bad[0], String(validate(bad[1])));
      const typed = replyTo(message) ?? proposed;
      assert.equal(validate(typed), true, message);
      return typed;
    },
    secret: async () => '',
    choose: async (message, offered, options) => {
      choices.set(message, offered);
      return replyTo(message) ?? options?.default ?? (offered[0] as Choice).value;
    },
    check: async (message, offered) => {
      replyTo(message);
      return offered.filter(({ checked }) => checked).map(({ value }) => value);
    },
    yes: async (message, options) => (replyTo(message) ?? String(options.default)) === 'true',
  };
  return { questions, choices, refusals, answers: await askForCluster(prompts, { drivers, checks: ANSWER_CHECKS }) };
};

const driver = (name: string, more: Partial<WizardDriver> = {}): WizardDriver => ({
  ...{ name, summary: `machines of ${name}`, usesHosts: false, missing: [], settings: [] },
  ...more,
});
const setting = (name: string, scope: 'cluster' | 'pool' | 'node' = 'cluster') => ({
  name,
  scope,
  description: `the ${name}`,
  problemOf: () => undefined,
});

const cloud = driver('aws', {
  hasDisks: true,
  settings: [setting('region'), setting('image', 'pool'), setting('instanceType', 'pool'), setting('cidr')],
  offers: async ({ settings, diskGiB = 20 }) => [
    { name: 't3.small', cpus: 2, memoryMiB: 2048, usdPerHour: settings['region'] ? diskGiB / 1000 : undefined, isDefault: false },
    { name: 't3.medium', cpus: 2, memoryMiB: 4096, usdPerHour: undefined, isDefault: true },
  ],
});

test('a driver that lacks something says so in its line, and what mends it while it is pointed at', async () => {
  const missing = [{ problem: 'This host lacks runc.', fix: 'apt-get install runc' }];
  const { choices, answers } = await ask([driver('ssh'), driver('local', { missing })], {});
  assert.deepEqual(choices.get('What makes the machines:'), [
    { value: 'ssh', name: 'ssh: machines of ssh', description: 'It can begin at once.' },
    {
      value: 'local',
      name: 'local: machines of local (something is missing)',
      description: 'This host lacks runc. Try: apt-get install runc',
    },
  ]);
  assert.equal(answers.driver, 'ssh', 'the first one is proposed');
});

test('where machines have disks their size is asked for, and nowhere else', async () => {
  const kvm = await ask([driver('kvm', { hasDisks: true })], { 'CPUs of': '4', 'Disk of': '40' });
  assert.deepEqual(kvm.answers, {
    ...{ name: 'slipway', driver: 'kvm', nodes: 2, cpus: 4, diskGiB: 40, settings: {} },
    addons: { demo: false, storageClass: true },
  });
  assert.match(fileOfWishes(kvm.answers), /cpus: 4\b[\s\S]*disk: 40Gi/);
  const local = await ask([driver('local')], {});
  assert.ok(!local.questions.some((question) => question.startsWith('Disk')));
  assert.doesNotMatch(fileOfWishes(local.answers), /^ +disk:/m);
});

test('a cloud is asked for its region first, then machines are chosen by their price, for all nodes', async () => {
  const { questions, choices, answers } = await ask([cloud], {
    ...{ 'Number of': '3', 'Disk of': '50', 'Machine of': 't3.small', 'region:': 'eu-central-1' },
  });
  assert.deepEqual(
    questions.map((question) => question.split(/[:(]/)[0]?.trim()),
    [
      ...['Name of the cluster', 'What makes the machines', 'Number of nodes, the first with the control plane', 'region'],
      ...['Disk of each node in GiB', 'Machine of each node', 'image', 'Change settings of aws', 'What to install in it'],
    ],
  );
  assert.deepEqual(
    choices.get('Machine of each node:')?.map(({ name }) => name),
    [
      't3.small   2 CPUs, 2 GiB, about $0.0500 an hour with its disk, $110 a month for all 3',
      't3.medium  2 CPUs, 4 GiB, price not known',
      'another type',
    ],
  );
  assert.equal(answers.settings['instanceType'], 't3.small');
  const text = fileOfWishes(answers);
  for (const line of [/region: eu-central-1/, /instanceType: t3\.small/, /disk: 50Gi/, /count: 3/]) assert.match(text, line);
});

test('a type that is not in the list can be typed; what is proposed is what the driver would take', async () => {
  const other = await ask([cloud], { 'Machine of': 'another', 'Type of': 'm7g.large' });
  assert.equal(other.answers.settings['instanceType'], 'm7g.large');
  assert.equal((await ask([cloud], {})).answers.settings['instanceType'], 't3.medium');
});

test('hosts are asked for by address, and not for their size', async () => {
  const { questions, answers } = await ask([driver('ssh', { usesHosts: true })], { Hosts: 'root@192.0.2.11, root@192.0.2.12' });
  assert.deepEqual(answers.hosts, ['root@192.0.2.11', 'root@192.0.2.12']);
  assert.ok(!questions.some((question) => /^(Number|CPUs|Memory|Disk)/.test(question)));
});

/** As `rankDrivers` gives it. */
const real = (name: string): WizardDriver => {
  const found = DRIVERS.find((one) => one.name === name);
  assert.ok(found);
  const settings = found.settings.map((one) => ({ ...one, problemOf: (typed: string) => typedSettingProblem(one, typed) }));
  return { ...found, settings, usesHosts: name === 'ssh', missing: [] };
};

test('what a cluster file would refuse is refused at its question, in the same words', async () => {
  const wrong = { Name: 'Lab!', Number: '151', CPUs: '0', Memory: '0.25', Disk: '65537', 'bootTimeoutSeconds:': 'abc' };
  const { refusals } = await ask([real('kvm')], { Change: 'true' }, wrong);
  assert.deepEqual(Object.fromEntries(refusals), {
    Name: 'It must be at most 40 small letters, digits and hyphens between them, such as demo-2',
    Number: 'It must be 1 to 150',
    CPUs: 'It must be 1 to 1024, or nothing',
    Memory: 'It must be from 512Mi to 64Ti, or nothing',
    Disk: 'It must be from 1Gi to 64Ti, or nothing',
    'bootTimeoutSeconds:': 'It must be a whole number, or nothing',
  });
  const words = await ask([real('kvm')], {}, { Number: 'none', Memory: 'much', Disk: '1.5' });
  assert.deepEqual(
    [...words.refusals.values()],
    [
      'It must be a whole number, 1 to 150',
      'It must be a number such as 2 or 0.5, or nothing',
      'It must be a whole number such as 20, or nothing',
    ],
  );
});

test('yes is no value of a setting that is true or false, and a value keeps its type in the file', async () => {
  const cloudly = await ask([real('aws')], { Change: 'true', 'region:': 'eu-central-1', 'spot:': 'true' }, { 'spot:': 'yes' });
  assert.equal(cloudly.refusals.get('spot:'), 'It must be true or false, or nothing');
  assert.match(fileOfWishes(cloudly.answers), /^ +spot: true\b/m);
  const kvm = await ask([real('kvm')], { Change: 'true', Disk: '65536', 'bootTimeoutSeconds:': '300' });
  assert.match(fileOfWishes(kvm.answers), /bootTimeoutSeconds: 300\b/);
  assert.match(fileOfWishes(kvm.answers), /disk: 65536Gi/);
});
