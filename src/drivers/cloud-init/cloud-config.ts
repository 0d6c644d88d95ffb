import { renderTemplate } from '../../base/templates/template.ts';
import type { SshKeyPair } from '../../hosts/ssh/make-ssh-key.ts';

/** What a machine is told at its first boot, so that it can be reached and be known by its key. */
export interface CloudConfig {
  /** Another one makes cloud-init take the machine for new. */
  instanceId: string;
  hostname: string;
  /** Logs in with `authorizedKeys` and has sudo without a password. */
  user: string;
  /** OpenSSH lines. */
  authorizedKeys: readonly string[];
  /** The host's own key: made here, so that the first login is verified like every other. */
  hostKey: SshKeyPair;
}

/** Either by DHCP, or `address` with its prefix (`10.77.0.11/24`). Interfaces are told apart by their MAC. */
export type CloudInterface =
  | { mac: string; dhcp: true }
  | { mac: string; dhcp?: false; address: string; gateway?: string | undefined; nameservers?: readonly string[] | undefined };

/** `#cloud-config`, for NoCloud seeds and for the user data of clouds. Holds the host's private key: as secret as that. */
export const renderUserData = (config: CloudConfig): string => renderTemplate('cloud-init/user-data', { ...config });

export const renderMetaData = ({ instanceId, hostname }: Pick<CloudConfig, 'instanceId' | 'hostname'>): string =>
  renderTemplate('cloud-init/meta-data', { instanceId, hostname });

/** Version 2 of cloud-init's network configuration. */
export const renderNetworkConfig = (interfaces: readonly CloudInterface[]): string =>
  renderTemplate('cloud-init/network-config', {
    interfaces: interfaces.map((found) => ({
      mac: found.mac,
      dhcp: found.dhcp ?? false,
      address: found.dhcp ? '' : found.address,
      gateway: found.dhcp ? '' : (found.gateway ?? ''),
      nameservers: found.dhcp || !found.nameservers?.length ? false : found.nameservers,
    })),
  });
