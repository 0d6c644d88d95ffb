import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sshFindings } from '../../../src/drivers/ssh/ssh-findings.ts';

test('a computer without ssh is warned that terminals on nodes need it, with what brings it', () => {
  const [finding, ...others] = sshFindings('/nowhere:/neither');
  assert.deepEqual(others, []);
  assert.equal(finding?.severity, 'warning');
  assert.match(finding?.problem ?? '', /slipway node ssh needs it/);
  assert.equal(finding?.fix, 'apt-get install openssh-client');
});
