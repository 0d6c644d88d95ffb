/** What `up` says when it is done. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summaryOf } from '../../../src/commands/up.ts';

const result = {
  cluster: 'demo',
  changed: true,
  context: 'slipway-demo',
  server: 'https://10.89.0.11:6443',
  nodes: [{ name: 'demo-1', address: '10.89.0.11' }],
  milliseconds: 4200,
};

test('a cluster that is in the kubeconfig is used at once', () => {
  const text = summaryOf(result, { demo: true, merged: true, home: '~/.slipway' });
  assert.match(text, /Cluster demo is ready \(4\.2 s\): demo-1 \(10\.89\.0\.11\)\nAPI: .*, kubeconfig context slipway-demo\n/);
  assert.match(text, /Next:\n {2}slipway get pods -A\n {2}slipway scale deployment demo/);
});

test('with --kubeconfig=false the next command says where the way in lies', () => {
  const text = summaryOf(result, { demo: false, merged: false, home: '/srv/slipway' });
  assert.match(text, /your kubeconfig is as it was/);
  assert.match(text, /Next:\n {2}export KUBECONFIG=\/srv\/slipway\/clusters\/demo\/kubeconfig\n {2}slipway get pods -A/);
});
