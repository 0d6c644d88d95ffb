import manifest from '../../package.json' with { type: 'json' };

export const PRODUCT_VERSION: string = manifest.version;

/** The Kubernetes API version that Slipway's server speaks and its client is made for. */
export const SERVED_KUBERNETES_VERSION = 'v1.36.3';
