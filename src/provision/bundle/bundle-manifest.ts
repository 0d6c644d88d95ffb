/** `manifest.json`, the last file of a bundle: a bundle that was cut short has none. */
export interface BundleManifest {
  format: 1;
  /** Of Slipway; the same one has to use it. */
  version: string;
  kubernetes: string;
  /** RFC 3339. */
  createdAt: string;
  target: BundleTarget;
  packages: BundledPackage[];
  /** Paths of image archives in the bundle, in the order in which they are loaded. */
  images: string[];
  /** Path of the cluster file that it was made for; its manifests lie where it names them. */
  cluster?: string | undefined;
  /** Everything that is in it, but this file. */
  files: Record<string, { sha256: string; size: number }>;
}

/** What packages are made for: the fields of /etc/os-release, and Debian's name of the architecture. */
export interface BundleTarget {
  distribution: string;
  version: string;
  architecture: string;
}

export interface BundledPackage {
  name: string;
  version: string;
  architecture: string;
  /** In the bundle: `packages/runc_1.1.5_amd64.deb`. */
  path: string;
}

export const MANIFEST = 'manifest.json';

export const targetName = ({ distribution, version, architecture }: BundleTarget): string =>
  `${distribution} ${version} on ${architecture}`;

/** What is wrong with a manifest for this program; undefined when nothing is. */
export const manifestProblem = (value: unknown, version: string): string | undefined => {
  const manifest = value as Partial<BundleManifest> | null;
  if (manifest?.format !== 1 || !manifest.files || !manifest.target || !Array.isArray(manifest.packages) || !Array.isArray(manifest.images))
    return 'its manifest is not one of format 1';
  if (manifest.version !== version) return `it was made by Slipway ${manifest.version}, and this is ${version}`;
  return undefined;
};

/** In /etc/os-release: `VERSION_ID="12"`. Rolling distributions have none, and then their name has to do. */
export const targetIn = (osRelease: string, architecture: string): BundleTarget => {
  const field = (name: string): string => new RegExp(`^${name}="?([^"\\n]*)"?$`, 'm').exec(osRelease)?.[1] ?? '';
  return { distribution: field('ID'), version: field('VERSION_ID') || field('VERSION_CODENAME'), architecture: architecture.trim() };
};
