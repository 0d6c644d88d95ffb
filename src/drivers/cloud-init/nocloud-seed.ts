import { type CloudConfig, type CloudInterface, renderMetaData, renderNetworkConfig, renderUserData } from './cloud-config.ts';
import { seedImage } from './seed-image.ts';

/** The disk that tells a virtual machine who it is; it holds the private key of the host. */
export const nocloudSeed = (config: CloudConfig, interfaces: readonly CloudInterface[]): Buffer =>
  seedImage([
    { name: 'meta-data', content: renderMetaData(config) },
    { name: 'user-data', content: renderUserData(config) },
    { name: 'network-config', content: renderNetworkConfig(interfaces) },
  ]);
