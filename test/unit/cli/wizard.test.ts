/** Which questions are asked, in which order, and what the answers become: with drivers and answers of the test's own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Choice, Prompts } from '../../../src/cli/prompts.ts';
import { askForCluster, type WizardAnswers, type WizardDriver } from '../../../src/cli/wizard.ts';
import { fileOfWishes } from '../../../src/provision/file/file-of-wishes.ts';

interface Asked {
  questions: string[];
  choices: Map<string, readonly Choice[]>;
  answers: WizardAnswers;
}

/** Answers by what the question begins with; all others get what is proposed. */
const ask = async (drivers: readonly WizardDriver[], replies: Readonly<Record<string, string>>): Promise<Asked> => {
  const questions: string[] = [];
  const choices = new Map<string, readonly Choice[]>();
  const replyTo = (message: string): string | undefined => {
    questions.push(message);
    return Object.entries(replies).find(([beginning]) => message.startsWith(beginning))?.[1];
  };
  const prompts: Prompts = {
    text: async (message, { default: proposed = '', validate = () => true } = {}) => {
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
  return { questions, choices, answers: await askForCluster(prompts, { drivers }) };
};

const driver = (name: string, more: Partial<WizardDriver> = {}): WizardDriver => ({
  ...{ name, summary: `machines of ${name}`, usesHosts: false, missing: [], settings: [] },
  ...more,
});
const setting = (name: string, scope: 'cluster' | 'pool' | 'node' = 'cluster') => ({
  name,
  scope,
  type: 'string' as const,
  description: `the ${name}`,
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
