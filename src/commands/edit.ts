import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../api/meta/object.ts';
import { isConflict, StatusError } from '../api/meta/status.ts';
import { type Flags, textFlag } from '../cli/args/flags.ts';
import { CommandError } from '../cli/errors.ts';
import { parseManifests } from '../cli/kube/manifests.ts';
import { FILE_FLAGS, SELECTOR_FLAGS, WRITE_FLAGS } from '../cli/kube/object-flags.ts';
import { ObjectCommand, type ObjectInfo } from '../cli/object-command.ts';
import { renderYaml, withoutManagedFields } from '../cli/output/render-object.ts';
import { viewOfError } from '../cli/print-error.ts';

const flags = {
  ...FILE_FLAGS,
  ...SELECTOR_FLAGS,
  ...WRITE_FLAGS,
  subresource: textFlag('Edit this subresource: status'),
} as const satisfies Flags;

const HEADER = `# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
`;
/** An editor that always fails to please the server must not be opened for ever. */
const MAX_ATTEMPTS = 10;

export default class Edit extends ObjectCommand<typeof flags> {
  static override summary = 'Edit an object, its status shown, in $KUBE_EDITOR or $EDITOR';
  static override usage = '(TYPE NAME | TYPE/NAME | -f FILE) [flags]';
  static override examples = ['slipway edit deployment/web', 'EDITOR=nano slipway edit service web'];
  static override flags = flags;

  async run(): Promise<void> {
    const infos = await this.objects();
    const folder = await mkdtemp(join(tmpdir(), 'slipway-edit-'));
    let keep = false;
    try {
      for (const info of infos) await this.editOne(info, join(folder, `${info.resource.singular}-${info.name}.yaml`.replaceAll('/', '-')));
    } catch (error) {
      keep = true;
      this.io.err(`A copy of your changes has been stored to "${folder}"\n`);
      throw error;
    } finally {
      if (!keep) await rm(folder, { recursive: true, force: true });
    }
  }

  private async editOne(info: ObjectInfo, path: string): Promise<void> {
    const original = withoutManagedFields(info.object);
    let text = HEADER + renderYaml(original);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      await writeFile(path, text, { mode: 0o600 });
      this.openEditor(path);
      const edited = await readFile(path, 'utf8');
      const body = edited.replace(/^#.*\n/gm, '');
      if (body.trim() === '') throw new CommandError('Edit cancelled, saved file was empty');
      if (edited === text && attempt > 0) throw new CommandError('Edit cancelled, no valid changes were saved.');
      let failure: unknown;
      try {
        const object = parseManifests(edited, path)[0]?.object;
        if (!object) throw new CommandError('the file holds no object');
        if (isDeepStrictEqual(object, JSON.parse(JSON.stringify(original)))) {
          this.io.err('Edit cancelled, no changes made.\n');
          return;
        }
        await this.save(info, original, object);
        return;
      } catch (error) {
        if (error instanceof StatusError || error instanceof CommandError || (error as Error).name === 'SlipwayError') failure = error;
        else throw error;
      }
      const told = viewOfError(failure, 'edit').text;
      this.io.err(told);
      text = `${HEADER}${told.trimEnd().replace(/^/gm, '# ')}\n#\n${body}`;
    }
    throw new CommandError(`Edit cancelled after ${MAX_ATTEMPTS} attempts`);
  }

  private openEditor(path: string): void {
    const editor = this.io.env['KUBE_EDITOR'] || this.io.env['EDITOR'] || 'vi';
    const result = spawnSync('sh', ['-c', `${editor} "$1"`, 'sh', path], { stdio: 'inherit' });
    if (result.error || result.status !== 0) throw new CommandError(`there was a problem with the editor ${JSON.stringify(editor)}`);
  }

  /** Sends what was changed in the editor, and only that: it applies to whatever the object has become meanwhile. */
  private async save(info: ObjectInfo, original: KubeObject, edited: KubeObject): Promise<void> {
    const [{ threeWayPatch }, { mergeSchemaOf }] = await Promise.all([
      import('../cli/kube/three-way.ts'),
      import('../cli/kube/merge-schema.ts'),
    ]);
    const { resource } = info;
    const schema = mergeSchemaOf(resource.group, resource.version, resource.kind);
    const patch = threeWayPatch(original, edited, original, schema);
    if (!patch) {
      this.io.err('Edit cancelled, no changes made.\n');
      return;
    }
    const type = schema ? ('application/strategic-merge-patch+json' as const) : ('application/merge-patch+json' as const);
    const { subresource } = this.flags;
    for (let attempt = 0; ; attempt += 1) {
      try {
        const changed = await this.patch(info, patch, { type, ...(subresource ? { subresource } : {}) });
        await this.report(resource, changed, 'edited');
        return;
      } catch (error) {
        if (!isConflict(error) || attempt >= 5) throw error;
      }
    }
  }
}
