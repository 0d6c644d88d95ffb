import type { Element } from './program.ts';
import type { ElementChange } from './transaction.ts';

/**
 * The elements of the shared maps and who put them there. Two services may ask for one address and port (the same external IP,
 * the same local target): the first keeps it, the next takes over when the first lets go.
 */
export class ElementTable {
  readonly #owners = new Map<string, Map<string, string>>();
  readonly #changes = new Map<string, ElementChange>();

  /** Replaces what `owner` has put in. */
  replace(owner: string, before: readonly Element[], after: readonly Element[]): void {
    const wanted = new Map(after.map((element) => [idOf(element), element]));
    for (const element of before) if (!wanted.has(idOf(element))) this.#set(owner, element, undefined);
    for (const element of wanted.values()) this.#set(owner, element, element.value);
  }

  /** What has changed since the last call; an element that went and came back unchanged is not in it. */
  takeChanges(): ElementChange[] {
    const changes = [...this.#changes.values()].filter((change) => change.before !== change.after);
    this.#changes.clear();
    return changes;
  }

  /** Everything that is to be in the maps, as additions: for a first load. Forgets the changes. */
  takeAll(): ElementChange[] {
    this.#changes.clear();
    return [...this.#owners].map(([id, owners]) => {
      const [map, key] = id.split('|') as [Element['map'], string];
      return { map, key, before: undefined, after: first(owners) };
    });
  }

  #set(owner: string, element: Element, value: string | undefined): void {
    const id = idOf(element);
    const owners = this.#owners.get(id) ?? new Map<string, string>();
    const before = first(owners);
    if (value === undefined) owners.delete(owner);
    else owners.set(owner, value);
    if (owners.size > 0) this.#owners.set(id, owners);
    else this.#owners.delete(id);
    const known = this.#changes.get(id);
    if (known) known.after = first(owners);
    else this.#changes.set(id, { map: element.map, key: element.key, before, after: first(owners) });
  }
}

const idOf = (element: Element): string => `${element.map}|${element.key}`;
const first = (owners: ReadonlyMap<string, string>): string | undefined => owners.values().next().value;
