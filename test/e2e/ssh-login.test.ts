/** Who may come in, and as whom: keys, agents, host keys and sudo on one host, without a cluster. Nothing of it is asked off a terminal. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Host } from '../../src/hosts/host.ts';
import { makeSshKey } from '../../src/hosts/ssh/make-ssh-key.ts';
import { type SshMachines, startSshMachines } from '../support/sshd.ts';
import { type CliResult, enterSuite } from '../support/suite.ts';
import { noTerminal, startTerminal } from '../support/terminal.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename);
const noSudo = spawnSync('sudo', ['--version']).error ? 'needs sudo' : false;
const terminal = startTerminal();
/** ~ of the one who types, with nothing in it but what a test puts there. */
const home = join(suite.root, 'user');
const program = join(import.meta.dirname, '../../dist/slipway.js');
const locked = join(suite.root, 'locked_key');
let machines: SshMachines;
before(async () => {
  mkdirSync(join(home, '.ssh'), { recursive: true });
  machines = await startSshMachines(join(suite.root, 'sshd'), 1);
  copyFileSync(machines.identityFile, locked);
  await suite.run(['ssh-keygen', '-q', '-p', '-P', '', '-N', 'words', '-f', locked]);
});
after(async () => {
  terminal.close();
  await machines.close();
});

const target = (): string => machines.targets[0] ?? '';
const dev = (): string => target().replace('root@', 'dev@');
const slipway = (args: readonly string[], env: Record<string, string> = {}): Promise<CliResult> =>
  suite.slipway(args, { env: { HOME: home, SSH_AUTH_SOCK: '', ...env } });
const up = (host: string, key: string, env: Record<string, string> = {}): Promise<CliResult> =>
  slipway(['up', 'lab', '--host', host, '-i', key, '--kubeconfig=false'], env);
const refused = ({ code, stderr }: CliResult, pattern: RegExp): void => {
  assert.equal(code, 1, stderr);
  assert.match(stderr, pattern);
};

test('a key with a passphrase, and no agent: said by name, with what starts one', async () => {
  refused(
    await up(target(), locked),
    /SSH_AUTH_FAILED[\s\S]*locked_key has a passphrase, and no agent is running[\s\S]*ssh-agent.* ssh-add \S*locked_key/,
  );
});

test('an agent that lacks the key: said by name too, until ssh-add gives it the key', async () => {
  const socket = join(suite.root, 'agent');
  const agent = suite.start(['ssh-agent', '-D', '-a', socket]);
  const env = { SSH_AUTH_SOCK: socket };
  const add = (): Promise<CliResult> => {
    const ask = join(suite.root, 'ask');
    writeFileSync(ask, '#!/bin/sh\necho words\n', { mode: 0o755 });
    return suite.run(['ssh-add', locked], { env: { ...env, SSH_ASKPASS: ask, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0' } });
  };
  try {
    await until(async () => (await suite.run(['ssh-add', '-l'], { env })).code === 1, { what: 'an agent without keys' });
    refused(
      await up(target(), locked, env),
      /SSH_AUTH_FAILED[\s\S]*locked_key has a passphrase, and is used only where the agent has it[\s\S]*ssh-add \S*locked_key/,
    );
    const added = await add();
    assert.equal(added.code, 0, added.stderr);
    const { code, stderr } = await slipway(['node', 'reset', target(), '-i', locked], env);
    assert.equal(code, 0, stderr);
  } finally {
    agent.signal('SIGTERM');
    await agent.ended;
  }
});

test('an agent that is gone keeps nobody from the key file', async () => {
  const { code, stderr } = await slipway(['node', 'reset', target(), '-i', machines.identityFile], { SSH_AUTH_SOCK: '/nowhere/agent' });
  assert.equal(code, 0, stderr);
});

test('a host that shows another key is refused, with both fingerprints', async () => {
  const [type = '', key = ''] = makeSshKey('known').publicKey.split(' ');
  const knownHosts = join(home, '.ssh', 'known_hosts');
  writeFileSync(knownHosts, `${target().replace('root@', '')} ${type} ${key}\n`);
  try {
    const result = await up(target(), machines.identityFile);
    refused(result, /HOST_KEY_MISMATCH/);
    assert.equal(new Set(result.stderr.match(/SHA256:[A-Za-z0-9+/]{43}/g)).size, 2, result.stderr);
    writeFileSync(knownHosts, `${await machines.hostKey(0)}\n`);
    assert.equal((await slipway(['node', 'reset', target(), '-i', machines.identityFile])).code, 0);
  } finally {
    writeFileSync(knownHosts, '');
  }
});

test('--ask-sudo-password takes it on a terminal; a wrong one is told at once; it shows nowhere', {
  skip: noTerminal || noSudo,
}, async () => {
  const host = machines.hosts[0] as Host;
  await machines.addUser(0, { password: 'typed secret', sudoers: 'dev ALL=(ALL) ALL' });
  const offTerminal = await slipway(['node', 'reset', dev(), '-i', machines.identityFile, '--ask-sudo-password']);
  assert.equal(offTerminal.code, 2);
  assert.match(offTerminal.stderr, /needs a terminal[\s\S]*SLIPWAY_SUDO_PASSWORD_FILE/);
  // All command lines of this computer and of the host, while it goes on.
  const seen = join(suite.root, 'seen');
  const watch = suite.start(['sh', '-c', `while sleep 0.02; do ps -e -ww -o args=; done > ${seen}`]);
  const reset = (): ReturnType<typeof terminal.open> =>
    terminal.open(`HOME=${home} ${process.execPath} ${program} node reset ${dev()} -i ${machines.identityFile} --ask-sudo-password`, {
      columns: 160,
      rows: 24,
    });
  try {
    const wrong = reset();
    await wrong.shows(/Password for sudo/);
    wrong.type('wrong secret', 'Enter');
    await wrong.shows(/SUDO_REFUSED[\s\S]*took neither the user nor the password[\s\S]*exit code 1/);
    const right = reset();
    await right.shows(/Password for sudo/);
    right.type('typed secret', 'Enter');
    await right.shows(/was no node[\s\S]*exit code 0/);
    for (const window of [wrong, right]) assert.doesNotMatch(window.screen(), /secret/);
    assert.equal((await suite.run(['grep', '-rl', 'secret', suite.home])).stdout, '', 'in no file of the state');
    assert.doesNotMatch((await machines.sshdLog(0)).join('\n'), /secret/);
  } finally {
    watch.signal('SIGTERM');
    await watch.ended;
    await host.run(['umount', '/etc/sudoers']);
  }
  const lines = readFileSync(seen, 'utf8').split('\n');
  assert.ok(
    lines.some((line) => line.includes('sudo -S')),
    'what runs on the host is seen',
  );
  // Who types is a program here.
  assert.deepEqual(
    lines.filter((line) => line.includes('typed secret') && !line.includes('send-keys')),
    [],
    'in no command line',
  );
});

test('without sudo on the host that is said at once, with what mends it', async () => {
  await machines.hosts[0]?.run(['sh', '-c', 'umount /etc/passwd /etc/shadow'], { check: false });
  await machines.addUser(0, { password: 'typed secret', sudoers: undefined });
  refused(await up(dev(), machines.identityFile), /SUDO_REFUSED[\s\S]*sudo is not installed there[\s\S]*adduser dev sudo/);
});
