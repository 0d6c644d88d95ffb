import type { NodeSelectorRequirement, NodeSelectorTerm, PodSpec } from '../../api/types/core-v1.ts';
import type { NodeInfo } from './node-info.ts';

export interface NodeMatcher {
  matches(node: NodeInfo): boolean;
  /** When only nodes of these names can match (every term asks for `metadata.name`): saves looking at the others. */
  names: ReadonlySet<string> | undefined;
}

export interface WeightedNodeMatcher {
  weight: number;
  matches(node: NodeInfo): boolean;
}

export const compileNodeAffinity = (spec: PodSpec): { required: NodeMatcher | undefined; preferred: WeightedNodeMatcher[] } => {
  const preferred = (spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
    .filter((item) => item.weight !== 0 && !isEmpty(item.preference))
    .map((item) => ({ weight: item.weight, matches: compileTerm(item.preference) }));
  const selector = Object.entries(spec.nodeSelector ?? {});
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (selector.length === 0 && !terms) return { required: undefined, preferred };
  const matchTerms = terms ? compileTerms(terms) : undefined;
  return {
    required: {
      names: terms ? namesOf(terms) : undefined,
      matches: (node) => {
        for (const [key, value] of selector) if (node.labels[key] !== value) return false;
        return matchTerms ? matchTerms(node) : true;
      },
    },
    preferred,
  };
};

/** One of the terms must hold; an empty term holds for no node. Also for the node affinity of volumes. */
export const compileTerms = (terms: readonly NodeSelectorTerm[]): ((node: NodeInfo) => boolean) => {
  const compiled = terms.filter((term) => !isEmpty(term)).map(compileTerm);
  return (node) => compiled.some((matches) => matches(node));
};

const isEmpty = (term: NodeSelectorTerm): boolean => (term.matchExpressions?.length ?? 0) === 0 && (term.matchFields?.length ?? 0) === 0;

const compileTerm = (term: NodeSelectorTerm): ((node: NodeInfo) => boolean) => {
  const expressions = (term.matchExpressions ?? []).map((requirement) => {
    const holds = compileRequirement(requirement);
    return (node: NodeInfo): boolean => holds(node.labels[requirement.key]);
  });
  const fields = (term.matchFields ?? []).map((requirement) => {
    const holds = compileRequirement(requirement);
    return (node: NodeInfo): boolean => requirement.key === 'metadata.name' && holds(node.name);
  });
  const all = [...fields, ...expressions];
  return (node) => all.every((holds) => holds(node));
};

const compileRequirement = ({ operator, values = [] }: NodeSelectorRequirement): ((value: string | undefined) => boolean) => {
  switch (operator) {
    case 'In':
      return (value) => value !== undefined && values.includes(value);
    case 'NotIn':
      return (value) => value === undefined || !values.includes(value);
    case 'Exists':
      return (value) => value !== undefined;
    case 'DoesNotExist':
      return (value) => value === undefined;
    case 'Gt':
      return (value) => isInteger(value) && isInteger(values[0]) && BigInt(value) > BigInt(values[0]);
    case 'Lt':
      return (value) => isInteger(value) && isInteger(values[0]) && BigInt(value) < BigInt(values[0]);
    default:
      return () => false;
  }
};

const isInteger = (text: string | undefined): text is string => text !== undefined && /^[+-]?\d+$/.test(text);

const namesOf = (terms: readonly NodeSelectorTerm[]): ReadonlySet<string> | undefined => {
  const names = new Set<string>();
  for (const term of terms) {
    const field = term.matchFields?.find((requirement) => requirement.key === 'metadata.name' && requirement.operator === 'In');
    if (!field) return undefined;
    for (const name of field.values ?? []) names.add(name);
  }
  return names;
};
