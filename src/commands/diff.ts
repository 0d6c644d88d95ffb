import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type KubeObject, pathOf } from '../api/meta/object.ts';
import { isNotFound } from '../api/meta/status.ts';
import { booleanFlag, type Flags, textFlag } from '../cli/args/flags.ts';
import { CommandError, UsageError } from '../cli/errors.ts';
import { FILE_FLAGS, SELECTOR_FLAGS } from '../cli/kube/object-flags.ts';
import { ObjectCommand, type ObjectInfo } from '../cli/object-command.ts';
import { renderYaml, withoutManagedFields } from '../cli/output/render-object.ts';

const flags = {
  ...FILE_FLAGS,
  ...SELECTOR_FLAGS,
  'server-side': booleanFlag('Accepted: the server always merges'),
  'force-conflicts': booleanFlag('Take over fields of other managers', { default: true }),
  'field-manager': textFlag('Name of the manager', { default: 'kubectl', hidden: true }),
} as const satisfies Flags;

export default class Diff extends ObjectCommand<typeof flags> {
  static override summary = 'What apply would change; exit code 1 means something';
  static override usage = '-f FILE';
  static override examples = ['slipway diff -f web.yaml'];
  static override flags = flags;

  async run(): Promise<number> {
    if (!this.flags.filename.length) throw new UsageError('must specify one of -f and -k');
    const folder = await mkdtemp(join(tmpdir(), 'slipway-diff-'));
    try {
      for (const side of ['LIVE', 'MERGED']) await mkdir(join(folder, side));
      for (const info of await this.manifests()) {
        const name = [info.resource.group, info.resource.version, info.resource.kind, info.namespace, info.name].filter(Boolean).join('.');
        const live = await this.live(info);
        if (live) await writeFile(join(folder, 'LIVE', name), shown(live));
        await writeFile(join(folder, 'MERGED', name), shown(await this.merged(info, live)));
      }
      const program = this.io.env['KUBECTL_EXTERNAL_DIFF'] || 'diff -u -N';
      const result = spawnSync('sh', ['-c', `${program} LIVE MERGED`], { cwd: folder, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 });
      this.io.out(result.stdout ?? '');
      this.io.err(result.stderr ?? '');
      if (result.error || (result.status ?? 2) > 1)
        throw new CommandError(`the diff program failed: ${result.error?.message ?? result.status}`, { exitCode: 2 });
      return result.status ?? 0;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  private async live({ resource, name, namespace }: ObjectInfo): Promise<KubeObject | undefined> {
    return this.read(resource, name, namespace).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
  }

  private merged({ resource, namespace, name, object }: ObjectInfo, live: KubeObject | undefined): Promise<KubeObject> {
    const query = { dryRun: 'All', fieldManager: this.flags['field-manager'] };
    if (!live) return this.send({ method: 'POST', path: pathOf(resource, { namespace }), body: object, query });
    return this.send({
      method: 'PATCH',
      path: pathOf(resource, { namespace, name }),
      contentType: 'application/apply-patch+yaml',
      body: object,
      query: { ...query, force: String(this.flags['force-conflicts']) },
    });
  }
}

const shown = (object: KubeObject): string => {
  const plain = withoutManagedFields(object);
  if (plain.kind === 'Secret') {
    const data = (plain['data'] ?? {}) as Record<string, string>;
    // Whether a secret changes may be seen; what it is may not.
    return renderYaml({ ...plain, data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, `*** (${value.length})`])) });
  }
  return renderYaml(plain);
};
