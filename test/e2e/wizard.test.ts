/** The wizard on a real terminal: from `slipway up` to a cluster and its file; and off a terminal, where nothing is asked. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { enterSuite } from '../support/suite.ts';
import { noTerminal as skip, startTerminal } from '../support/terminal.ts';

const suite = await enterSuite(import.meta.filename);
const terminal = startTerminal();
after(async () => {
  terminal.close();
  for (const name of ['asked', 'stopped']) await suite.slipway(['down', name, '--force']);
});
const work = join(suite.root, 'work');
mkdirSync(work);
const environment = Object.entries(suite.env)
  .filter(([name]) => name !== 'NO_COLOR')
  .map(([name, value]) => `${name}=${value}`)
  .join(' ');
const slipway = `cd ${work} && ${environment} ${process.execPath} ${join(import.meta.dirname, '../../dist/slipway.js')}`;
const SIZE = { columns: 150, rows: 50 };

test('a few questions, a plan, a file, a cluster', { skip }, async () => {
  const window = terminal.open(`${slipway} up`, SIZE);
  await window.shows(/Name of the cluster: \(slipway\)/);
  window.type('asked', 'Enter');
  await window.shows(/What makes the machines:[\s\S]*❯ local: sandboxes[\s\S]*ssh: hosts that you have[\s\S]*It can begin at once/);
  window.type('Enter');
  await window.shows(/Number of nodes/);
  window.type('none', 'Enter');
  await window.shows(/A whole number, 1 to 150/);
  window.type('C-u', '1', 'Enter');
  await window.shows(/CPUs of each node/);
  window.type('Enter');
  await window.shows(/Memory of each node/);
  window.type('1', 'Enter');
  await window.shows(/Change settings of local \(subnet\)\?/);
  window.type('Enter');
  await window.shows(/What to install in it:[\s\S]*◉ A storage class/);
  window.type('Enter');
  await window.shows(/Save the cluster file as: \(asked\.yaml\)/);
  window.type('Enter');
  await window.shows(/\+ machine asked-1 +control plane, 1024 MiB[\s\S]*Plan: 2 to make[\s\S]*Make it\?/);
  assert.ok(!existsSync(join(suite.home, 'clusters')));
  window.type('Enter');
  await window.shows(/Cluster asked is ready/);
  await window.shows(/exit code 0/);
  assert.match(readFileSync(join(work, 'asked.yaml'), 'utf8'), /memory: 1Gi {2}# /);
  const again = await suite.slipway(['plan', '-f', join(work, 'asked.yaml'), '--detailed-exitcode']);
  assert.equal(again.code, 0, again.stdout);
});

test('a node less in the file is asked for, and no leaves it', { skip }, async () => {
  assert.equal((await suite.slipway(['node', 'add', '--cluster', 'asked'])).code, 0);
  const window = terminal.open(`${slipway} up -f asked.yaml`, SIZE);
  await window.shows(/The file has asked-2 no more\. Drain and remove\? \(y\/N\)/);
  window.type('n', 'Enter');
  await window.shows(/exit code 0/);
  assert.match((await suite.slipway(['get', 'nodes', '-o', 'name'])).stdout, /asked-2/);
});

test('Ctrl-C at a question leaves nothing, not even a file', { skip }, async () => {
  const window = terminal.open(`${slipway} up`, SIZE);
  await window.shows(/Name of the cluster/);
  window.type('stopped', 'Enter');
  await window.shows(/What makes the machines/);
  window.type('C-c');
  await window.shows(/stopped: nothing was changed[\s\S]*exit code 130/);
  assert.ok(!existsSync(join(suite.home, 'clusters/stopped')));
});

test('no at the end keeps the file and says how to go on', { skip }, async () => {
  const window = terminal.open(`${slipway} up`, SIZE);
  for (const question of [
    /Name of the cluster/,
    /What makes/,
    /Number of nodes/,
    /CPUs/,
    /Memory/,
    /Change settings/,
    /What to install/,
    /Save the/,
  ]) {
    await window.shows(question);
    window.type('Enter');
  }
  await window.shows(/Make it\?/);
  window.type('n', 'Enter');
  await window.shows(/slipway up -f slipway\.yaml[\s\S]*exit code 1/);
  assert.ok(existsSync(join(work, 'slipway.yaml')));
});

test('off a terminal init asks nothing', async () => {
  const path = join(work, 'written.yaml');
  assert.equal((await suite.slipway(['init', 'written', '--nodes', '1', '-o', path])).code, 0);
  const again = await suite.slipway(['init', 'written', '-o', path]);
  assert.deepEqual([again.code, /--force/.test(again.stderr)], [1, true]);
  assert.match((await suite.slipway(['init', 'written'])).stdout, /^ {2}name: written /m);
  const noHosts = await suite.slipway(['up', 'x', '--driver', 'ssh']);
  assert.match(noHosts.stderr, /--host/);
});

test('off a terminal a command line that tells nothing makes nothing, and names the flags', async () => {
  for (const args of [
    ['up'],
    ['up', '--timeout', '1m', '--keep'],
    ['up', '--no-input'],
    ['init'],
    ['init', '-o', join(work, 'none.yaml')],
  ]) {
    const result = await suite.slipway(args);
    assert.deepEqual([result.code, result.stdout], [2, ''], args.join(' '));
    assert.match(result.stderr, /USAGE[\s\S]*no terminal to ask on/);
    assert.match(result.stderr, new RegExp(`try: slipway ${args[0]} NAME --driver local --nodes 2`));
  }
  assert.match((await suite.slipway(['up'])).stderr, /slipway up -f FILE[\s\S]*slipway up --yes /);
  const json = await suite.slipway(['up', '-o', 'json']);
  assert.equal(JSON.parse(json.stderr).error.code, 'USAGE');
  assert.ok(!existsSync(join(suite.home, 'clusters/slipway')) && !existsSync(join(work, 'none.yaml')));
  assert.match((await suite.slipway(['up', '--dry-run'])).stdout, /machine slipway-1/);
});

test('what tells of a cluster, or takes what is proposed, goes on off a terminal; and so does the cluster that is there', async () => {
  const up = await suite.slipway(['up', '--nodes', '1']);
  assert.match(up.stdout, /^Cluster slipway is ready/, up.stderr);
  for (const args of [['up'], ['up', '--yes']]) assert.match((await suite.slipway(args)).stdout, /^Cluster slipway is unchanged/);
  assert.equal((await suite.slipway(['down', 'slipway'])).code, 0);
});
