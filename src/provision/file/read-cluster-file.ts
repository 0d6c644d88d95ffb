import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { PRODUCT_VERSION } from '../../base/product.ts';
import { DRIVERS } from '../../drivers/index.ts';
import type { ClusterWishes } from '../spec/cluster-spec.ts';
import { checkMeaning } from './check-meaning.ts';
import { checkSchema } from './check-schema.ts';
import type { ClusterFile } from './cluster-file.ts';
import { clusterFileSchema } from './file-schema.ts';
import { type Problem, plainValue, readLocated } from './located-value.ts';
import { overrideFile } from './override-file.ts';

/** More would not be read. */
const MOST_SHOWN = 20;

/**
 * Reads a cluster file, with what was said on the command line over it. `name` is for messages. Throws CONFIG_INVALID with everything that
 * is wrong, each with line, column and key; and what `overrideFile` throws.
 */
export const readClusterFile = (
  text: string,
  name: string,
  flags: Partial<ClusterWishes> = {},
): { file: ClusterFile; overrides: string[] } => {
  const { root, problems } = readLocated(text);
  if (!root) throw invalid(name, problems);
  const wrong = checkSchema(root, clusterFileSchema(DRIVERS));
  if (wrong.length) throw invalid(name, wrong);
  const read = plainValue(root) as Omit<ClusterFile, 'spec'> & Partial<ClusterFile>;
  const { file, overrides } = overrideFile({ ...read, spec: read.spec ?? {} }, flags);
  const senseless = checkMeaning(file, root, { drivers: DRIVERS, version: PRODUCT_VERSION });
  if (senseless.length) throw invalid(name, senseless);
  return { file, overrides };
};

const invalid = (name: string, problems: readonly Problem[]): SlipwayError => {
  const lines = problems
    .slice(0, MOST_SHOWN)
    .map(({ at, path, message }) => `${name}:${at.line}:${at.column}: ${path ? `${path}: ` : ''}${message}`);
  const more = problems.length > MOST_SHOWN ? [`and ${problems.length - MOST_SHOWN} more`] : [];
  return new SlipwayError('CONFIG_INVALID', {
    tried: `use the cluster file ${name}`,
    cause: [...lines, ...more].join('\n'),
    advice: [`slipway plan -f ${name}   # after mending it`, 'docs/reference/cluster-file.md has every key'],
  });
};
