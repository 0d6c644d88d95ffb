import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlipwayError } from '../../../src/base/errors/slipway-error.ts';
import { combineErrors } from '../../../src/provision/combine-errors.ts';
import { overLostApi } from '../../../src/provision/over-lost-api.ts';
import { overLostConnections } from '../../../src/provision/over-lost-connections.ts';

const lost = new SlipwayError('CONNECTION_LOST', { tried: 'run a command on a', cause: 'the connection broke' });
const away = new SlipwayError('HOST_UNREACHABLE', { tried: 'connect to a', cause: 'no route' });
const answers = (...outcomes: (SlipwayError | string)[]) => {
  let calls = 0;
  return {
    calls: () => calls,
    work: async (): Promise<string> => {
      const outcome = outcomes[Math.min(calls++, outcomes.length - 1)] as SlipwayError | string;
      if (typeof outcome === 'string') return outcome;
      throw outcome;
    },
  };
};

test('work whose connection broke is done again when the host is back', async () => {
  const { work, calls } = answers(lost, away, away, 'done');
  assert.equal(await overLostConnections(work, { pauseMs: 1 }), 'done');
  assert.equal(calls(), 4);
});

test('a host that never answered is not waited for, nor is any other failure', async () => {
  const { work, calls } = answers(away, 'done');
  await assert.rejects(overLostConnections(work, { pauseMs: 1 }), { code: 'HOST_UNREACHABLE' });
  assert.equal(calls(), 1);
});

test('a host that does not come back is given up, and the reason says both', async () => {
  const { work } = answers(lost, away);
  await assert.rejects(overLostConnections(work, { pauseMs: 1, patienceMs: 20 }), (error: SlipwayError) => {
    assert.equal(error.code, 'CONNECTION_LOST');
    assert.match(error.message, /run a command on a: the connection broke, and the host has not come back in 0\.02 s \(no route\)/);
    return true;
  });
});

test('a connection that breaks again and again is given up', async () => {
  const { work, calls } = answers(lost);
  await assert.rejects(overLostConnections(work, { pauseMs: 1 }), { code: 'CONNECTION_LOST' });
  assert.equal(calls(), 4);
});

test('an API server that says nothing for a while is asked again; what it refuses is told at once', async () => {
  const silent = new SlipwayError('CONNECTION_REFUSED', { tried: 'reach the API server', cause: 'no answer to a ping' });
  const patient = answers(silent, silent, 'done');
  assert.equal(await overLostApi(patient.work, { pauseMs: 1 }), 'done');
  const refused = answers(new SlipwayError('MANIFEST_INVALID', { tried: 'apply a', cause: 'no kind' }), 'done');
  await assert.rejects(overLostApi(refused.work, { pauseMs: 1 }), { code: 'MANIFEST_INVALID' });
  assert.equal(refused.calls(), 1);
  await assert.rejects(overLostApi(answers(silent).work, { pauseMs: 1, patienceMs: 20 }), { code: 'CONNECTION_REFUSED' });
});

test('hosts that fail together are told together, one that fails alone as it is', () => {
  assert.equal(combineErrors('make it', [away]), away);
  const other = new SlipwayError('SSH_AUTH_FAILED', { tried: 'log in to b', cause: 'refused', advice: ['ssh-copy-id b'] });
  const both = combineErrors('make it', [away, other]) as SlipwayError;
  assert.equal(both.code, 'HOST_UNREACHABLE');
  assert.match(both.message, /2 hosts have failed\n {2}cannot connect to a: no route\n {2}cannot log in to b: refused/);
  assert.deepEqual(both.advice, ['ssh-copy-id b']);
  const defect = new TypeError('x');
  assert.equal(combineErrors('make it', [away, defect]), defect);
});

test('of several failures, the code of one that says why stands for all', () => {
  const failed = new SlipwayError('COMMAND_FAILED', { tried: 'run `tar` on a', cause: 'exit code 2', logLines: ['tar: short read'] });
  const step = new SlipwayError('STEP_FAILED', { tried: 'see b ready', cause: 'not within 90 s' });
  const rows: [errors: SlipwayError[], code: string][] = [
    [[failed, away], 'HOST_UNREACHABLE'],
    [[failed, step, new SlipwayError('DISK_FULL', { tried: 'write to c' })], 'DISK_FULL'],
    [[new SlipwayError('SUDO_REFUSED', { tried: 'become root on d' }), away, failed], 'SUDO_REFUSED'],
    [[step, failed], 'STEP_FAILED'],
  ];
  for (const [errors, code] of rows) {
    const error = combineErrors('make it', errors) as SlipwayError;
    assert.equal(error.code, code);
    for (const { tried } of errors) assert.ok(error.message.includes(tried), tried);
  }
  assert.deepEqual((combineErrors('make it', [failed, away]) as SlipwayError).logLines, ['tar: short read']);
});
