import { checkText } from '../../meta/checks.ts';
import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from '../../meta/field-error.ts';
import { dnsLabelProblems } from '../../meta/names.ts';
import type { DownwardAPIVolumeFile, KeyToPath, ProjectedVolumeSource, Volume } from '../../types/core-v1.ts';
import { checkFieldRef, checkResourceFieldRef, VOLUME_FIELD_PATHS } from './field-references.ts';

const MODE_MESSAGE = 'must be a number between 0 and 0777 (octal), both inclusive';
const HOST_PATH_TYPES = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];

/** Answers with the names of the valid volumes. */
export const checkVolumes = (errors: FieldError[], field: string, volumes: readonly Volume[]): Set<string> => {
  const names = new Set<string>();
  for (const [index, volume] of volumes.entries()) {
    const at = `${field}[${index}]`;
    const before = errors.length;
    checkSource(errors, at, volume);
    if (!volume.name) errors.push(required(`${at}.name`));
    else checkText(errors, `${at}.name`, volume.name, dnsLabelProblems);
    if (names.has(volume.name)) errors.push(duplicate(`${at}.name`, volume.name));
    if (errors.length === before) names.add(volume.name);
  }
  return names;
};

const checkSource = (errors: FieldError[], at: string, volume: Volume): void => {
  const sources = Object.keys(volume).filter((key) => key !== 'name');
  if (sources.length === 0) errors.push(required(at, 'must specify a volume type'));
  for (const extra of sources.slice(1)) errors.push(forbidden(`${at}.${extra}`, 'may not specify more than 1 volume type'));
  switch (sources[0]) {
    case 'hostPath':
      checkHostPath(errors, `${at}.hostPath`, volume.hostPath);
      break;
    case 'secret':
      if (!volume.secret?.secretName) errors.push(required(`${at}.secret.secretName`));
      checkItems(errors, `${at}.secret`, volume.secret);
      break;
    case 'configMap':
      if (!volume.configMap?.name) errors.push(required(`${at}.configMap.name`));
      checkItems(errors, `${at}.configMap`, volume.configMap);
      break;
    case 'downwardAPI':
      checkMode(errors, `${at}.downwardAPI.defaultMode`, volume.downwardAPI?.defaultMode);
      for (const file of volume.downwardAPI?.items ?? []) checkDownwardFile(errors, `${at}.downwardAPI`, file);
      break;
    case 'projected':
      if (volume.projected) checkProjected(errors, `${at}.projected`, volume.projected);
      break;
    case 'persistentVolumeClaim':
      if (!volume.persistentVolumeClaim?.claimName) errors.push(required(`${at}.persistentVolumeClaim.claimName`));
      break;
    case 'nfs':
      if (!volume.nfs?.server) errors.push(required(`${at}.nfs.server`));
      if (!volume.nfs?.path) errors.push(required(`${at}.nfs.path`));
      else if (!volume.nfs.path.startsWith('/')) errors.push(invalid(`${at}.nfs.path`, volume.nfs.path, 'must be an absolute path'));
      break;
    case 'ephemeral':
      if (!volume.ephemeral?.volumeClaimTemplate) errors.push(required(`${at}.ephemeral.volumeClaimTemplate`));
      break;
    case 'csi':
      if (!volume.csi?.driver) errors.push(required(`${at}.csi.driver`));
      break;
    default:
      break;
  }
};

const checkHostPath = (errors: FieldError[], at: string, source: Volume['hostPath']): void => {
  if (!source?.path) {
    errors.push(required(`${at}.path`));
    return;
  }
  checkNoBacksteps(errors, `${at}.path`, source.path);
  if (source.type !== undefined && !HOST_PATH_TYPES.includes(source.type))
    errors.push(notSupported(`${at}.type`, source.type, HOST_PATH_TYPES));
};

const checkItems = (errors: FieldError[], at: string, source: { defaultMode?: number; items?: KeyToPath[] } | undefined): void => {
  checkMode(errors, `${at}.defaultMode`, source?.defaultMode);
  for (const [index, item] of (source?.items ?? []).entries()) checkKeyToPath(errors, `${at}.items[${index}]`, item);
};

const checkMode = (errors: FieldError[], at: string, mode: number | undefined): void => {
  if (mode !== undefined && (mode > 0o777 || mode < 0)) errors.push(invalid(at, mode, MODE_MESSAGE));
};

const checkKeyToPath = (errors: FieldError[], at: string, item: KeyToPath): void => {
  if (!item.key) errors.push(required(`${at}.key`));
  if (!item.path) errors.push(required(`${at}.path`));
  checkRelativePath(errors, `${at}.path`, item.path);
  checkMode(errors, `${at}.mode`, item.mode);
};

/** A path inside of a volume; names that begin with two dots belong to the volume itself. */
const checkRelativePath = (errors: FieldError[], at: string, path: string): void => {
  checkDescendingPath(errors, at, path);
  if (path.startsWith('..') && !path.startsWith('../')) errors.push(invalid(at, path, "must not start with '..'"));
};

export const checkDescendingPath = (errors: FieldError[], at: string, path: string): void => {
  if (path.startsWith('/')) errors.push(invalid(at, path, 'must be a relative path'));
  checkNoBacksteps(errors, at, path);
};

const checkNoBacksteps = (errors: FieldError[], at: string, path: string): void => {
  if (path.split('/').includes('..')) errors.push(invalid(at, path, "must not contain '..'"));
};

const checkDownwardFile = (errors: FieldError[], at: string, file: DownwardAPIVolumeFile): void => {
  if (!file.path) errors.push(required(`${at}.path`));
  checkRelativePath(errors, `${at}.path`, file.path);
  if (file.fieldRef) {
    checkFieldRef(errors, `${at}.fieldRef`, file.fieldRef, VOLUME_FIELD_PATHS);
    if (file.resourceFieldRef) errors.push(invalid(at, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
  } else if (file.resourceFieldRef)
    checkResourceFieldRef(errors, `${at}.resourceFieldRef`, file.resourceFieldRef, { needsContainer: true });
  else errors.push(required(at, 'one of fieldRef and resourceFieldRef is required'));
  checkMode(errors, `${at}.mode`, file.mode);
};

const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 2 ** 32;

const checkProjected = (errors: FieldError[], at: string, projected: ProjectedVolumeSource): void => {
  checkMode(errors, `${at}.defaultMode`, projected.defaultMode);
  const paths = new Set<string>();
  const claim = (path: string, value: string): void => {
    if (!path) return;
    if (paths.has(path)) errors.push(invalid(at, value, 'conflicting duplicate paths'));
    paths.add(path);
  };
  for (const [index, source] of (projected.sources ?? []).entries()) {
    const here = `${at}.sources[${index}]`;
    for (const kind of ['secret', 'configMap'] as const) {
      const given = source[kind];
      if (!given) continue;
      if (!given.name) errors.push(required(`${here}.${kind}.name`));
      checkItems(errors, `${here}.${kind}`, { items: given.items });
      for (const item of given.items ?? []) claim(item.path, given.name ?? '');
    }
    for (const file of source.downwardAPI?.items ?? []) {
      checkDownwardFile(errors, `${here}.downwardAPI`, file);
      claim(file.path, file.path);
    }
    const token = source.serviceAccountToken;
    if (token) {
      const seconds = token.expirationSeconds ?? 0;
      const field = `${here}.serviceAccountToken`;
      if (seconds < MIN_TOKEN_SECONDS)
        errors.push(invalid(`${field}.expirationSeconds`, seconds, 'may not specify a duration less than 10 minutes'));
      if (seconds > MAX_TOKEN_SECONDS)
        errors.push(invalid(`${field}.expirationSeconds`, seconds, 'may not specify a duration larger than 2^32 seconds'));
      if (!token.path) errors.push(required(`${at}.path`));
      else checkRelativePath(errors, `${field}.path`, token.path);
    }
    const given = Object.keys(source).length;
    if (given > 1) errors.push(forbidden(here, 'may not specify more than 1 volume type per source'));
    else if (given === 0) errors.push(required(here, 'must specify a volume source'));
  }
};
