import { PRODUCT_VERSION } from '../../base/product.ts';

/** The Kubernetes version whose API is served, as `/version` tells it, and whose program serves it. */
export const VERSION = Object.freeze({
  major: '1',
  minor: '36',
  emulationMajor: '1',
  emulationMinor: '36',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '35',
  gitVersion: 'v1.36.3+slipway',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: `node${process.versions.node}`,
  compiler: 'v8',
  slipwayVersion: PRODUCT_VERSION,
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
});
