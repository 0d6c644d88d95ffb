import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { type Flags, textFlag } from '../cli/args/flags.ts';
import { CommandError, forEachItem, UsageError } from '../cli/errors.ts';
import { FILE_FLAGS, WRITE_FLAGS } from '../cli/kube/object-flags.ts';
import { ObjectCommand } from '../cli/object-command.ts';

const flags = {
  ...FILE_FLAGS,
  ...WRITE_FLAGS,
  type: textFlag('Kind of patch', { default: 'strategic', options: ['strategic', 'merge', 'json'] }),
  patch: textFlag('The patch, JSON or YAML', { char: 'p' }),
  'patch-file': textFlag('File of the patch'),
  subresource: textFlag('Patch this subresource: status, scale'),
} as const satisfies Flags;

const TYPES = {
  strategic: 'application/strategic-merge-patch+json',
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
} as const;

export default class Patch extends ObjectCommand<typeof flags> {
  static override summary = 'Change fields of an object';
  static override usage = '(TYPE NAME | TYPE/NAME | -f FILE) [-p PATCH | --patch-file FILE] [flags]';
  static override examples = [`slipway patch deployment web -p '{"spec":{"paused":true}}'`];
  static override flags = flags;

  async run(): Promise<void> {
    const file = this.flags['patch-file'];
    if (!this.flags.patch && !file) throw new UsageError('must specify --patch or --patch-file containing the contents of the patch');
    const text = file ? await readFile(file, 'utf8') : (this.flags.patch as string);
    let body: unknown;
    try {
      body = parse(text);
    } catch (error) {
      throw new CommandError(`unable to parse ${JSON.stringify(text)}: ${(error as Error).message}`, { cause: error });
    }
    const type = TYPES[this.flags.type as keyof typeof TYPES];
    const { subresource } = this.flags;
    await forEachItem(await this.objects(), async (info) => {
      const changed =
        this.dryRun === 'client' ? info.object : await this.patch(info, body, { type, ...(subresource ? { subresource } : {}) });
      const same = changed.metadata.resourceVersion === info.object.metadata.resourceVersion;
      await this.report(info.resource, changed, same && this.dryRun === 'none' ? 'patched (no change)' : 'patched');
    });
  }
}
