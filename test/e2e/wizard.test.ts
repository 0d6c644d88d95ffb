/** The wizard on a real terminal: from `slipway up` to a cluster and its file; and off a terminal, where nothing is asked. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { enterSuite } from '../support/suite.ts';
import { noTerminal as skip, startTerminal, type Window } from '../support/terminal.ts';

const suite = await enterSuite(import.meta.filename);
const terminal = startTerminal();
after(async () => {
  terminal.close();
  for (const name of ['asked', 'mended']) await suite.slipway(['down', name, '--force']);
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
  await window.shows(/It must be a whole number, 1 to 150/);
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

/** Every question for a local cluster, in order, each with an answer that is proposed. */
const LOCAL_QUESTIONS = [
  /Name of the cluster/,
  /What makes the machines/,
  /Number of nodes/,
  /CPUs of each node/,
  /Memory of each node/,
  /Change settings/,
  /What to install/,
  /Save the cluster file as/,
];
const answer = async (window: Window, questions: readonly RegExp[]): Promise<void> => {
  for (const question of questions) {
    await window.shows(question);
    window.type('Enter');
  }
};

test('Ctrl-C at any question leaves nothing, not even a file', { skip }, async () => {
  const questions = [...LOCAL_QUESTIONS, /Make it\?/];
  for (const [index, question] of questions.entries()) {
    const window = terminal.open(`${slipway} up`, SIZE);
    await answer(window, questions.slice(0, index));
    await window.shows(question);
    window.type('C-c');
    await window.shows(/stopped: nothing was changed[\s\S]*exit code 130/);
    assert.ok(!existsSync(join(suite.home, 'clusters/slipway')));
    assert.ok(!existsSync(join(work, 'slipway.yaml')));
  }
});

test('no at the end keeps the file and says how to go on', { skip }, async () => {
  const window = terminal.open(`${slipway} up`, SIZE);
  await answer(window, LOCAL_QUESTIONS);
  await window.shows(/Make it\?/);
  window.type('n', 'Enter');
  await window.shows(/slipway up -f slipway\.yaml[\s\S]*exit code 1/);
  assert.ok(existsSync(join(work, 'slipway.yaml')));
});

test('what is missing on this computer is shown at the choice, named in the plan, and installed by consent', { skip }, async () => {
  // A program that cannot be run is none; and a stand-in for apt-get puts it back.
  const program = (await suite.run(['sh', '-c', 'command -v svlogd'])).stdout.trim();
  const log = join(suite.root, 'apt.log');
  writeFileSync(join(suite.root, 'no-program'), '');
  writeFileSync(join(suite.root, 'apt-get'), `#!/bin/sh\necho "$@" >> ${log}\nexec umount ${program}\n`);
  chmodSync(join(suite.root, 'apt-get'), 0o755);
  await suite.run(['mount', '--bind', join(suite.root, 'no-program'), program]);
  await suite.run(['mount', '--bind', join(suite.root, 'apt-get'), '/usr/bin/apt-get']);
  try {
    const window = terminal.open(`${slipway} up`, SIZE);
    await window.shows(/Name of the cluster/);
    window.type('mended', 'Enter');
    // ssh needs nothing here, so it comes first now.
    await window.shows(/❯ ssh: hosts that you have[\s\S]* local: .*\(something is missing\)/);
    window.type('local');
    await window.shows(/This host lacks svlogd\. Try: apt-get install runit/);
    window.type('Enter');
    await window.shows(/Number of nodes/);
    window.type('C-u', '1', 'Enter');
    await answer(window, LOCAL_QUESTIONS.slice(3));
    await window.shows(/This host lacks svlogd[\s\S]*Install what is missing on this computer\? \(Y\/n\)/);
    assert.ok(!existsSync(log));
    window.type('Enter');
    await window.shows(/Make it\?/);
    window.type('Enter');
    await window.shows(/Cluster mended is ready[\s\S]*exit code 0/);
    assert.match(readFileSync(log, 'utf8'), /^install --yes .* runit$/m);
  } finally {
    await suite.run(['umount', '/usr/bin/apt-get']);
  }
  assert.equal((await suite.slipway(['down', 'mended'])).code, 0);
});

test('init asks for the hosts of the ssh driver, and writes the file', { skip }, async () => {
  const window = terminal.open(`${slipway} init -o rack.yaml`, SIZE);
  await window.shows(/Name of the cluster/);
  window.type('rack', 'Enter');
  await window.shows(/What makes the machines/);
  window.type('ssh', 'Enter');
  await window.shows(/Hosts, user@address:port, the first with the control plane/);
  window.type('Enter');
  await window.shows(/At least one host, with spaces between several/);
  window.type('root@192.0.2.11 admin@192.0.2.12:2222', 'Enter');
  await window.shows(/Change settings of ssh \(identityFile, jumpHost, sudoPasswordFile\)\?/);
  window.type('y', 'Enter');
  await window.shows(/identityFile: Private key/);
  window.type('~/.ssh/rack', 'Enter');
  await answer(window, [/jumpHost: /, /sudoPasswordFile: /, /What to install/]);
  await window.shows(/rack\.yaml is written[\s\S]*slipway up -f rack\.yaml[\s\S]*exit code 0/);
  assert.doesNotMatch(window.screen(), /CPUs of each node|Disk of each node/, 'hosts are as large as they are');
  const text = readFileSync(join(work, 'rack.yaml'), 'utf8');
  assert.match(text, /^ {2}driver: ssh/m);
  assert.match(text, /identityFile: ~\/\.ssh\/rack/);
  assert.match(text, /hosts: \[ root@192\.0\.2\.11, admin@192\.0\.2\.12:2222 \]/);
});

test('for AWS: region, disk, then machines with what each costs there; the file has them', { skip }, async () => {
  const before = readdirSync(work);
  const window = terminal.open(`${slipway} init cloud -o cloud.yaml`, SIZE);
  await window.shows(/Name of the cluster: \(cloud\)/);
  window.type('Enter');
  await window.shows(/What makes the machines/);
  window.type('aws');
  await window.shows(/❯ aws: EC2 instances .*costs money[\s\S]*AWS cannot be used: .* Try: /);
  window.type('Enter');
  await answer(window, [/Number of nodes/]);
  await window.shows(/region: Region/);
  window.type('Frankfurt', 'Enter');
  await window.shows(/It must be a region such as eu-central-1/);
  window.type('C-u', 'eu-central-1', 'Enter');
  await window.shows(/Disk of each node in GiB/);
  window.type('40', 'Enter');
  await window.shows(/❯ t3\.medium +2 CPUs, 4 GiB, about \$0\.0529 an hour with its disk, \$77 a month for all 2/);
  window.type('Down');
  await window.shows(/❯ t3\.large +2 CPUs, 8 GiB, about \$0\.1007 an hour/);
  window.type('Enter');
  await answer(window, [/image: Image that you have/, /Change settings of aws \(vpc, subnets, cidr, zones, \.\.\.\)\?/]);
  await window.shows(/What to install/);
  assert.deepEqual(readdirSync(work), before, 'nothing is written before the end');
  window.type('Enter');
  await window.shows(/cloud\.yaml is written[\s\S]*exit code 0/);
  const text = readFileSync(join(work, 'cloud.yaml'), 'utf8');
  for (const line of [/region: eu-central-1/, /instanceType: t3\.large/, /disk: 40Gi/, /count: 2/]) assert.match(text, line);
});

test('a cloud that cannot be asked for a plan leaves the file to go on with', { skip }, async () => {
  const window = terminal.open(`export AWS_EC2_METADATA_DISABLED=true; ${slipway} up`, SIZE);
  await window.shows(/Name of the cluster/);
  window.type('far', 'Enter');
  await window.shows(/What makes the machines/);
  window.type('aws', 'Enter');
  await answer(window, [/Number of nodes/]);
  await window.shows(/region: Region/);
  window.type('eu-central-1', 'Enter');
  await answer(window, [
    /Disk of each/,
    /Machine of each/,
    /image: /,
    /Change settings/,
    /What to install/,
    /Save the cluster file as: \(far/,
  ]);
  await window.shows(
    /In the way: AWS cannot be used[\s\S]*what is in the way comes first: nothing was made\. [\s\S]*slipway up -f far\.yaml[\s\S]*exit code 1/,
  );
  assert.ok(existsSync(join(work, 'far.yaml')));
  assert.ok(!existsSync(join(suite.home, 'clusters/far')));
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
