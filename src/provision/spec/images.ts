/** Images that Slipway makes itself, and loads into every node. */
export const PAUSE_IMAGE = 'registry.slipway.local/pause:1';
export const DEMO_IMAGE = 'registry.slipway.local/demo:1';
