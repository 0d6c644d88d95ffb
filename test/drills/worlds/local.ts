import type { DrillDriver } from '../drill-world.ts';

export const local: DrillDriver = {
  missing: () => false,
  open: async () => ({ upArgs: ['--nodes', '1'], longest: { upMs: 2500, downMs: 700 }, goOn: 0.3, close: async () => {} }),
};
