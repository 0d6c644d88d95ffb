import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NODE_PATHS } from '../../../src/provision/spec/node-paths.ts';

test("a node's containerd shares neither socket nor data with the distribution's, which starts with the package and which Docker may use", () => {
  for (const path of [NODE_PATHS.containerdData, NODE_PATHS.containerdState, NODE_PATHS.containerdSocket])
    assert.doesNotMatch(path, /^\/(run|var\/lib)\/containerd/);
  assert.ok(NODE_PATHS.containerdSocket.startsWith(`${NODE_PATHS.containerdState}/`));
});
