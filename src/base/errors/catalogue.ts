/**
 * Every error that Slipway itself reports (Kubernetes errors travel as Status objects, see api/meta/status.ts).
 * One entry here, one heading of the same name in docs/errors.md; a test compares the two. Codes are never renamed.
 */
export interface CatalogueEntry {
  /** One line: what went wrong in general. */
  title: string;
  /** What to type, when the place that throws knows nothing better. */
  advice: readonly string[];
  /** 1 for errors, 2 for wrong usage, 124 when the time that was given is over (as timeout(1) ends). */
  exitCode: 1 | 2 | 124;
}

const entry = (title: string, advice: readonly string[] = [], exitCode: CatalogueEntry['exitCode'] = 1): CatalogueEntry => ({
  title,
  advice,
  exitCode,
});

export const CATALOGUE = {
  USAGE: entry('The command line is not understood', ['slipway --help'], 2),
  NOT_ROOT: entry('The local driver needs root', ['sudo slipway up']),
  NAME_INVALID: entry('A name has characters that are not allowed', [], 2),
  CLUSTER_EXISTS: entry('A cluster of that name exists', ['slipway status']),
  CLUSTER_UNKNOWN: entry('No cluster of that name is known', ['slipway status']),
  NODE_UNKNOWN: entry('The cluster has no node of that name', ['slipway node list']),
  SERVICE_UNKNOWN: entry('The node has no service of that name', ['slipway logs-of NODE']),
  DRIVER_UNKNOWN: entry('No driver of that name', ['slipway doctor'], 2),
  PREFLIGHT_FAILED: entry('The host lacks something that is needed', ['slipway doctor']),
  PACKAGES_MISSING: entry('Packages are missing on a host', ['slipway up --yes']),
  ADDRESS_IN_USE: entry('An address or port is taken'),
  STEP_FAILED: entry('A step of the installation failed', ['slipway doctor']),
  COMMAND_FAILED: entry('A program ended with an error'),
  HOST_UNREACHABLE: entry('A host does not answer'),
  CONNECTION_LOST: entry('The connection to a host broke'),
  HOST_KEY_MISMATCH: entry('A host shows another key than the one known'),
  SSH_AUTH_FAILED: entry('A host refused every key'),
  SUDO_REFUSED: entry('A user cannot become root on a host'),
  HOST_TAKEN: entry('A host is a node of another cluster'),
  PACKAGE_MIRROR_AWAY: entry('The package mirror of a host does not answer'),
  STATE_LOCKED: entry('Another slipway works on this cluster'),
  STATE_CORRUPT: entry('The saved state of a cluster cannot be read'),
  STATE_UNWRITABLE: entry('The state of a cluster cannot be written', ['df -h ~/.slipway']),
  TIMEOUT: entry('Something was not ready in time'),
  DEADLINE: entry('The time that was given for a command is over', ['slipway up --timeout 10m'], 124),
  INTERRUPTED: entry('Stopped by Ctrl-C'),
  BUNDLE_INVALID: entry('An air-gap bundle cannot be used'),
  BUNDLE_MISMATCH: entry('An air-gap bundle is made for something else', [
    'slipway bundle create -o FILE   # by this version, on a machine like the hosts',
  ]),
  CLOUD_AUTH_FAILED: entry('A cloud does not know who asks, or does not let them'),
  CLOUD_REQUEST_FAILED: entry('A cloud refused a request'),
  QUOTA_EXCEEDED: entry('A limit of the account is reached'),
  IMAGE_INVALID: entry('An image archive cannot be read'),
  BUILDER_MISSING: entry('No image builder is installed', ['apt-get install buildah']),
  KUBECONFIG_INVALID: entry('A kubeconfig cannot be read'),
  CONNECTION_REFUSED: entry('The API server does not answer', ['slipway status', 'slipway start']),
  MANIFEST_INVALID: entry('A manifest cannot be read', [], 1),
  HYPERVISOR_UNREACHABLE: entry('The service that runs virtual machines does not answer', ['slipway doctor']),
  MACHINE_IMAGE_MISSING: entry('The image of a virtual machine is not there'),
  MACHINE_IMAGE_INVALID: entry('The image of a virtual machine is not what it should be'),
  NETWORK_UNKNOWN: entry('A network of virtual machines is not there'),
  NAME_TAKEN: entry('Something else has that name'),
  SNAPSHOT_UNKNOWN: entry('A machine has no snapshot of that name'),
  DISK_FULL: entry('A disk is full'),
  MEMORY_SHORT: entry('There is too little memory for a virtual machine'),
  STORE_FULL: entry('The disk of the store is full; reads go on, writes are refused'),
  STORE_CORRUPT: entry('The file of the store is damaged'),
  VERSION_SKEW: entry('The cluster is of another version than this program', ['slipway upgrade']),
  UPGRADE_FAILED: entry('An upgrade failed and was taken back'),
  CONFIG_INVALID: entry('A configuration file is wrong'),
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof CATALOGUE;
