import { SlipwayError } from '../../base/errors/slipway-error.ts';

/** A node as it is: the version of the files that lie on it, and of the programs that run. Undefined where nobody says. */
export interface NodeVersions {
  name: string;
  controlPlane: boolean;
  laid: string | undefined;
  /** Of its agent. */
  agent: string | undefined;
  /** Of its API server, on control planes. */
  server?: string | undefined;
}

export interface UpgradeAction {
  node: string;
  what: 'server' | 'agent';
  from: string | undefined;
}

/** -1, 0 or 1, by numbers; what follows a hyphen comes before the version without it. */
export const compareVersions = (a: string, b: string): number => {
  const parse = (text: string): { numbers: number[]; pre: string } => {
    const [core = '', ...pre] = text.split('+')[0]?.split('-') ?? [];
    return { numbers: core.split('.').map(Number), pre: pre.join('-') };
  };
  const [left, right] = [parse(a), parse(b)];
  for (let index = 0; index < 3; index += 1) {
    const difference = (left.numbers[index] ?? 0) - (right.numbers[index] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  if (left.pre === right.pre) return 0;
  if (left.pre === '' || right.pre === '') return left.pre === '' ? 1 : -1;
  return left.pre < right.pre ? -1 : 1;
};

/**
 * What is to be done to come to version `to`: servers first, since no agent may be newer than its server, then agents, workers before
 * control planes. Empty when all are there. Throws VERSION_SKEW for a way back.
 */
export const planUpgrade = (cluster: string, nodes: readonly NodeVersions[], to: string): UpgradeAction[] => {
  const newer = nodes
    .flatMap(({ laid, agent, server }) => [laid, agent, server])
    .find((version) => version && compareVersions(version, to) > 0);
  if (newer)
    throw new SlipwayError('VERSION_SKEW', {
      tried: `upgrade ${cluster} to ${to}`,
      cause: `it has programs of version ${newer}, and this slipway is older`,
      advice: [`slipway upgrade ${cluster} --rollback   # to the version before the last upgrade`],
    });
  const agents = nodes.toSorted((a, b) => Number(a.controlPlane) - Number(b.controlPlane));
  return [
    ...nodes
      .filter(({ controlPlane, server }) => controlPlane && server !== to)
      .map(({ name, server }) => ({ node: name, what: 'server' as const, from: server })),
    ...agents
      .filter(({ agent, laid }) => agent !== to || laid !== to)
      .map(({ name, agent }) => ({ node: name, what: 'agent' as const, from: agent })),
  ];
};
