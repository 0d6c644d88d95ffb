import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { PRODUCT_VERSION } from '../../base/product.ts';
import type { DriverDescriptor } from '../../drivers/driver.ts';
import { DRIVERS } from '../../drivers/index.ts';
import type { ClusterWishes, WishedFile } from '../spec/cluster-spec.ts';
import { checkMeaning } from './check-meaning.ts';
import { checkSchema } from './check-schema.ts';
import { type ClusterFile, DEFAULT_DRIVER } from './cluster-file.ts';
import { clusterFileSchema } from './file-schema.ts';
import { type Located, type Path, type Problem, pathText, placeOf, plainValue, readLocated } from './located-value.ts';
import { overrideFile } from './override-file.ts';

/** More would not be read. */
const MOST_SHOWN = 20;
const LONGEST_LINE = 500;

export interface ReadFile extends Pick<WishedFile, 'refuse'> {
  file: ClusterFile;
  overrides: string[];
}

/**
 * Reads a cluster file, with what was said on the command line over it. `name` is for messages. Throws CONFIG_INVALID with everything that
 * is wrong, each with line, column and key; and what `overrideFile` throws.
 */
export const readClusterFile = (text: string, name: string, flags: Partial<ClusterWishes> = {}): ReadFile => {
  const { root, problems } = readLocated(text);
  if (!root) throw invalid(name, problems);
  const wrong = checkSchema(root, clusterFileSchema(DRIVERS, driversOfPools(root, flags.driver)));
  if (wrong.length) throw invalid(name, wrong);
  const read = plainValue(root) as Omit<ClusterFile, 'spec'> & Partial<ClusterFile>;
  const { file, overrides, saidBy } = overrideFile({ ...read, spec: read.spec ?? {} }, flags);
  const senseless = checkMeaning(file, root, { drivers: DRIVERS, version: PRODUCT_VERSION, saidBy });
  if (senseless.length) throw invalid(name, senseless);
  const refuse: ReadFile['refuse'] = (found) =>
    invalid(
      name,
      found.map(({ path, message }) => ({ at: placeOf(root, path), path: pathText(path), message, saidBy: saidBy(path) })),
    );
  return { file, overrides, refuse };
};

/** As far as they can be told of a file that was not checked yet. */
const driversOfPools = (root: Located, ofCommandLine: string | undefined): (DriverDescriptor | undefined)[] => {
  const pools = at(root, ['spec', 'pools']);
  const ofCluster = ofCommandLine ?? textAt(root, ['spec', 'driver']) ?? DEFAULT_DRIVER;
  return (pools?.kind === 'list' ? pools.items : []).map((pool) => {
    const wanted = textAt(pool, ['driver']) ?? ofCluster;
    return DRIVERS.find((driver) => driver.name === wanted);
  });
};

const at = (value: Located | undefined, path: Path): Located | undefined =>
  path.reduce<Located | undefined>((here, part) => (here?.kind === 'map' ? here.entries.get(String(part))?.value : undefined), value);

const textAt = (value: Located, path: Path): string | undefined => {
  const found = at(value, path);
  return found?.kind === 'scalar' && typeof found.value === 'string' ? found.value : undefined;
};

const invalid = (name: string, problems: readonly Problem[]): SlipwayError => {
  const inOrder = problems.toSorted((one, other) => one.at.line - other.at.line || one.at.column - other.at.column);
  const lines = new Set(inOrder.map((problem) => lineOf(name, problem)));
  const more = lines.size > MOST_SHOWN ? [`and ${lines.size - MOST_SHOWN} more`] : [];
  return new SlipwayError('CONFIG_INVALID', {
    tried: `use the cluster file ${name}`,
    cause: [...[...lines].slice(0, MOST_SHOWN), ...more].join('\n'),
    advice: [`slipway plan -f ${name === STDIN ? '-' : name}   # after mending it`, 'docs/reference/cluster-file.md has every key'],
  });
};

/** What messages call a file that comes from stdin. */
export const STDIN = 'stdin';

const lineOf = (name: string, { at: { line, column }, path, message, saidBy }: Problem): string => {
  const where = saidBy === undefined ? `${name}:${line}:${column}: ${path ? `${path}: ` : ''}` : `${saidBy}: `;
  return `${where}${message.length > LONGEST_LINE ? `${message.slice(0, LONGEST_LINE)}…` : message}`;
};
