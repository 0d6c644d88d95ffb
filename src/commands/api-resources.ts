import { booleanFlag, type Flags, textFlag } from '../cli/args/flags.ts';
import { qualifiedPlural } from '../cli/kube/resource-catalog.ts';
import { KubeCommand } from '../cli/kube-command.ts';
import { renderRows } from '../cli/output/text-table.ts';

const flags = {
  namespaced: textFlag('Only those in namespaces (true) or outside (false)', { bare: 'true', options: ['true', 'false'] }),
  'api-group': textFlag('Only of this group'),
  verbs: textFlag('Only with all of these verbs'),
  categories: textFlag('Only of this category'),
  'no-headers': booleanFlag('Without the line of headers'),
  'sort-by': textFlag('name or kind', { options: ['name', 'kind'] }),
  cached: booleanFlag('Accepted for compatibility', { hidden: true }),
  output: textFlag('wide or name', { char: 'o', options: ['wide', 'name', ''] }),
} as const satisfies Flags;

export default class ApiResources extends KubeCommand<typeof flags> {
  static override summary = 'The types of objects that the server has';
  static override examples = ['slipway api-resources', 'slipway api-resources --namespaced=false -o name'];
  static override flags = flags;

  async run(): Promise<void> {
    const { namespaced, 'api-group': group, verbs, categories, output } = this.flags;
    const wantedVerbs = verbs?.split(',') ?? [];
    const seen = new Set<string>();
    const chosen = (await (await this.session()).resources.all()).filter((resource) => {
      // Only the preferred version of a type, which comes first.
      const key = qualifiedPlural(resource);
      if (seen.has(key) || resource.verbs.length === 0) return false;
      seen.add(key);
      return (
        (namespaced === undefined || String(resource.namespaced) === namespaced) &&
        (group === undefined || resource.group === group) &&
        wantedVerbs.every((verb) => resource.verbs.includes(verb)) &&
        (categories === undefined || resource.categories.includes(categories))
      );
    });
    const ordered = chosen.toSorted((one, other) => {
      const [left, right] =
        this.flags['sort-by'] === 'kind'
          ? [one.kind, other.kind]
          : this.flags['sort-by'] === 'name'
            ? [one.plural, other.plural]
            : [`${one.group} ${one.plural}`, `${other.group} ${other.plural}`];
      return left < right ? -1 : left > right ? 1 : 0;
    });
    if (output === 'name') {
      for (const resource of ordered) this.io.out(`${qualifiedPlural(resource)}\n`);
      return;
    }
    const wide = output === 'wide';
    const rows = ordered.map((resource) => [
      resource.plural,
      resource.shortNames.join(','),
      resource.group ? `${resource.group}/${resource.version}` : resource.version,
      String(resource.namespaced),
      resource.kind,
      ...(wide ? [resource.verbs.join(','), resource.categories.join(',')] : []),
    ]);
    const header = ['NAME', 'SHORTNAMES', 'APIVERSION', 'NAMESPACED', 'KIND', ...(wide ? ['VERBS', 'CATEGORIES'] : [])];
    this.io.out(renderRows(this.flags['no-headers'] ? rows : [header, ...rows]));
  }
}
