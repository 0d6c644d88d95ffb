/**
 * Sets of field paths in the form in which `managedFields` keeps them (FieldsV1): a tree whose keys are `f:<field>`, `k:<list keys>`,
 * `v:<set value>` or `i:<index>`. A node without children is a member of the set; one with children is when it has `.`.
 * All functions give new trees (which may share nodes) and change none. An empty set is undefined.
 */
export interface FieldSet {
  [key: string]: FieldSet;
}

const MEMBER = '.';
/** Shared by all leaves: never changed. */
export const LEAF: FieldSet = Object.freeze({});

const isLeaf = (set: FieldSet): boolean => {
  for (const _key in set) return false;
  return true;
};

export const isMember = (set: FieldSet): boolean => MEMBER in set || isLeaf(set);

/** A node with these children, itself a member or not; undefined when it would be nothing. */
const node = (children: FieldSet, member: boolean): FieldSet | undefined => {
  if (isLeaf(children)) return member ? LEAF : undefined;
  if (member) children[MEMBER] = LEAF;
  return children;
};

export const union = (a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined => {
  if (!a || !b) return a ?? b;
  if (isLeaf(a) && isLeaf(b)) return a;
  const result: FieldSet = {};
  for (const key in a) if (key !== MEMBER) result[key] = a[key] as FieldSet;
  for (const key in b) if (key !== MEMBER) result[key] = union(result[key], b[key]) as FieldSet;
  return node(result, isMember(a) || isMember(b));
};

/** Members of `a` that are not members of `b`. */
export const difference = (a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined => {
  if (!a || !b) return a;
  const result: FieldSet = {};
  for (const key in a) {
    if (key === MEMBER) continue;
    const rest = difference(a[key], b[key]);
    if (rest) result[key] = rest;
  }
  return node(result, isMember(a) && !isMember(b));
};

/** `a` without the paths of `b` and all below them. */
export const recursiveDifference = (a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined => {
  if (!a || !b) return a;
  if (isMember(b)) return undefined;
  const result: FieldSet = {};
  for (const key in a) {
    if (key === MEMBER) continue;
    const rest = recursiveDifference(a[key], b[key]);
    if (rest) result[key] = rest;
  }
  return node(result, isMember(a));
};

export const intersection = (a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined => {
  if (!a || !b) return undefined;
  const result: FieldSet = {};
  for (const key in a) {
    if (key === MEMBER) continue;
    const both = intersection(a[key], b[key]);
    if (both) result[key] = both;
  }
  return node(result, isMember(a) && isMember(b));
};

export const setsEqual = (a: FieldSet | undefined, b: FieldSet | undefined): boolean => {
  if (a === b) return true;
  if (!a || !b) return false;
  let count = 0;
  for (const key in a) {
    count++;
    if (!setsEqual(a[key], b[key])) return false;
  }
  for (const _key in b) count--;
  return count === 0;
};

/** Nodes that are known to be in order, with all below them; sets share nodes. */
const inOrder = new WeakSet<FieldSet>();

/** The same set with its keys in the order in which they are written: clients compare the text of two answers. */
export const ordered = (set: FieldSet): FieldSet => {
  if (inOrder.has(set)) return set;
  let isSame = true;
  let before = '';
  for (const key in set) {
    if (key < before || ordered(set[key] as FieldSet) !== set[key]) {
      isSame = false;
      break;
    }
    before = key;
  }
  const result: FieldSet = isSame ? set : {};
  if (!isSame) for (const key of Object.keys(set).sort()) result[key] = ordered(set[key] as FieldSet);
  inOrder.add(result);
  return result;
};

/** `.spec.containers[name="a"].image` for every member, in the order of the tree. */
export const pathsOf = (set: FieldSet, prefix = ''): string[] => {
  const found: string[] = prefix !== '' && isMember(set) ? [prefix] : [];
  for (const key in set) if (key !== MEMBER) found.push(...pathsOf(set[key] as FieldSet, prefix + stepText(key)));
  return found;
};

const stepText = (key: string): string => {
  const rest = key.slice(2);
  switch (key[0]) {
    case 'k':
      return `[${Object.entries(JSON.parse(rest) as Record<string, unknown>)
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(',')}]`;
    case 'v':
      return `[=${rest}]`;
    case 'i':
      return `[${rest}]`;
    default:
      return `.${rest}`;
  }
};
