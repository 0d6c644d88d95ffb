import { CommandError } from '../errors.ts';
import { type Filter, type JsonPathNode, parseJsonPath, type Step } from './jsonpath-parser.ts';

export type JsonPathTemplate = (data: unknown) => string;

/** `{.items[*].metadata.name}`, with ranges, filters, unions, slices and text, as kubectl reads them. Throws CommandError. */
export const compileJsonPath = (template: string, options: { allowMissingKeys?: boolean } = {}): JsonPathTemplate => {
  const nodes = parseJsonPath(template);
  return (data) => render(nodes, data, data, options.allowMissingKeys ?? true);
};

/** The values that a path of one expression finds: for --sort-by, custom-columns and wait. `path` may stand without braces. */
export const findByPath = (path: string, data: unknown): unknown[] => {
  const nodes = parseJsonPath(relaxed(path));
  return nodes.flatMap((node) => (node.kind === 'path' ? evaluate(node.steps, data, data, true) : []));
};

/** kubectl lets `.spec.x`, `spec.x` and `{.spec.x}` mean the same in these places. */
export const relaxed = (path: string): string => {
  const inner = /^\{?\s*(.*?)\s*\}?$/s.exec(path)?.[1] ?? path;
  return `{${inner.startsWith('.') || inner.startsWith('$') || inner.startsWith('[') || inner.startsWith('@') ? inner : `.${inner}`}}`;
};

const render = (nodes: readonly JsonPathNode[], current: unknown, root: unknown, lenient: boolean): string =>
  nodes
    .map((node) => {
      if (node.kind === 'text') return node.text;
      if (node.kind === 'range')
        return evaluate(node.steps, current, root, lenient)
          .map((item) => render(node.body, item, root, lenient))
          .join('');
      return evaluate(node.steps, current, root, lenient).map(asText).join(' ');
    })
    .join('');

/** Strings as they are, everything else as JSON. */
export const asText = (value: unknown): string =>
  typeof value === 'string' ? value : value === null || value === undefined ? '' : JSON.stringify(value);

const evaluate = (steps: readonly Step[], current: unknown, root: unknown, lenient: boolean): unknown[] => {
  let values: unknown[] = [current];
  for (const step of steps) values = values.flatMap((value) => take(step, value, root, lenient));
  return values;
};

const take = (step: Step, value: unknown, root: unknown, lenient: boolean): unknown[] => {
  switch (step.kind) {
    case 'root':
      return [root];
    case 'field': {
      if (isRecord(value) && Object.hasOwn(value, step.name)) return [value[step.name]];
      if (lenient) return [];
      throw new CommandError(`error executing jsonpath: ${step.name} is not found`);
    }
    case 'wildcard':
      return Array.isArray(value) ? value : isRecord(value) ? Object.values(value) : [];
    case 'recursive':
      return descendants(value);
    case 'index': {
      if (!Array.isArray(value)) return [];
      const index = step.index < 0 ? value.length + step.index : step.index;
      if (index in value) return [value[index]];
      if (lenient && value.length === 0) return [];
      throw new CommandError(`error executing jsonpath: array index out of bounds: index ${step.index}, length ${value.length}`);
    }
    case 'slice': {
      if (!Array.isArray(value)) return [];
      return value.slice(step.from, step.to).filter((_, index) => index % (step.by ?? 1) === 0);
    }
    case 'union':
      return step.parts.flatMap((part) => evaluate(part, value, root, true));
    case 'filter':
      return (Array.isArray(value) ? value : isRecord(value) ? Object.values(value) : []).filter((item) => passes(step.filter, item, root));
  }
};

const passes = (filter: Filter, item: unknown, root: unknown): boolean => {
  const operand = (side: Filter['left']): unknown => (side.kind === 'literal' ? side.value : evaluate(side.steps, item, root, true)[0]);
  const left = operand(filter.left);
  if (!filter.operator || !filter.right) return left !== undefined;
  const right = operand(filter.right);
  const [one, other] =
    typeof left === 'number' || typeof right === 'number' ? [Number(left), Number(right)] : [asText(left), asText(right)];
  switch (filter.operator) {
    case '==':
      return left !== undefined && one === other;
    case '!=':
      return one !== other;
    case '<':
      return one < other;
    case '<=':
      return one <= other;
    case '>':
      return one > other;
    case '>=':
      return one >= other;
  }
};

const descendants = (value: unknown): unknown[] => {
  const children = Array.isArray(value) ? value : isRecord(value) ? Object.values(value) : [];
  return [value, ...children.flatMap(descendants)];
};

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
