import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import { test } from 'node:test';

const loaded: string[] = [];
registerHooks({
  load: (url, context, next) => {
    loaded.push(url);
    return next(url, context);
  },
});

test('what version and get load has none of the libraries for progress, questions and help in it', async () => {
  await import('../../../src/cli/run-cli.ts');
  const { COMMANDS } = await import('../../../src/commands/index.ts');
  for (const id of ['version', 'get', 'up', 'down']) await COMMANDS[id]?.load();
  assert.ok(loaded.some((url) => url.endsWith('/src/cli/progress/follow-job.ts')));
  assert.deepEqual(
    loaded.filter((url) => /node_modules\/(listr2|inquirer|@inquirer|@oclif|ssh2|@grpc)\//.test(url)),
    [],
  );
});
