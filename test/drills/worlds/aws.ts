import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startAwsWorld } from '../../support/aws/aws-world.ts';
import { findMoto } from '../../support/aws/moto.ts';
import type { DrillDriver } from '../drill-world.ts';

const CLUSTER = `apiVersion: slipway/v1
kind: Cluster
metadata: {name: whole}
spec:
  driver: aws
  drivers: {aws: {clientCidrs: [10.100.0.1/32]}}
`;

export const aws: DrillDriver = {
  missing: () => {
    const moto = findMoto();
    return 'missing' in moto && moto.missing;
  },
  open: async (suite) => {
    const world = await startAwsWorld(suite);
    const file = join(suite.root, 'cluster.yaml');
    writeFileSync(file, CLUSTER);
    return {
      upArgs: ['-f', file],
      settle: () => world.hosts.settle(),
      leftOnHosts: async () => [...(await world.leftovers('*')), ...(await world.hosts.left())],
      close: () => world.close(),
    };
  },
};
