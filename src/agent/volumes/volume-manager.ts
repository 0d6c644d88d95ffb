import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { persistentVolume } from '../../api/core/persistent-volume.ts';
import { persistentVolumeClaim } from '../../api/core/persistent-volume-claim.ts';
import type { Stored } from '../../api/meta/object.ts';
import type {
  HostPathVolumeSource,
  ImageVolumeSource,
  NFSVolumeSource,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Volume,
} from '../../api/types/core-v1.ts';
import type { Logger } from '../../base/log/logger.ts';
import type { Client } from '../../client/client.ts';
import { bytes } from '../pods/amounts.ts';
import { writeAtomically } from './atomic-writer.ts';
import { ImageMounts } from './image-mount.ts';
import { isMounted, mountPoints } from './mount-points.ts';
import { ObjectWatches } from './object-watches.ts';
import { isProjected, type PayloadSources, projectedPayload } from './projected-payload.ts';
import { VolumeError } from './volume-error.ts';

const run = promisify(execFile);
const IMAGE_VOLUMES = 'volumes/kubernetes.io~image';

export interface VolumeManagerOptions {
  /** /var/lib/kubelet: pods/UID/volumes/... below it. */
  rootDir: string;
  client: Client;
  sources: PayloadSources;
  log: Logger;
  now: () => number;
  runtimeSocket: string;
  /** Makes the image of an image volume present; answers its ID. */
  pullImage(pod: Stored<Pod>, image: ImageVolumeSource): Promise<string>;
  /** Objects that volumes of this pod show are other than before: `refresh` is due. */
  changed(podUid: string): void;
}

/** Host paths of a pod's volumes, by the volumes' names. */
export type VolumePaths = ReadonlyMap<string, string>;

/**
 * Makes and removes the volumes of pods. Everything can be called again at any time: what is there already stays.
 * Files from the API lie on one memory file system for the whole node, so that secrets never reach a disk.
 */
export class VolumeManager {
  readonly #options: VolumeManagerOptions;
  readonly #watches: ObjectWatches;
  readonly #images: ImageMounts;

  constructor(options: VolumeManagerOptions) {
    this.#options = options;
    const { client, log, sources, changed } = options;
    this.#images = new ImageMounts(options.runtimeSocket);
    this.#watches = new ObjectWatches({ client, log, isNews: sources.objects.isNews, changed });
  }

  podDir(uid: string): string {
    return join(this.#options.rootDir, 'pods', uid);
  }

  get #memoryDir(): string {
    return join(this.#options.rootDir, 'memory-volumes');
  }

  async init(): Promise<void> {
    await mkdir(join(this.#options.rootDir, 'pods'), { recursive: true, mode: 0o750 });
    await mkdir(this.#memoryDir, { recursive: true, mode: 0o750 });
    if (!(await isMounted(this.#memoryDir))) await run('mount', ['-t', 'tmpfs', '-o', 'mode=750', 'tmpfs', this.#memoryDir]);
  }

  /** Ends the watches; volumes stay. */
  async stop(): Promise<void> {
    await this.#watches.stop();
  }

  /** The pod has ended: its files stay as they are. */
  unfollow(uid: string): void {
    this.#watches.unfollow(uid);
  }

  /** Throws VolumeError for the first volume that cannot be made. */
  async mount(pod: Stored<Pod>): Promise<VolumePaths> {
    const paths = new Map<string, string>();
    await Promise.all(
      (pod.spec?.volumes ?? []).map(async (volume) => {
        try {
          paths.set(volume.name, await this.#mountOne(pod, volume));
        } catch (error) {
          throw error instanceof VolumeError ? error : new VolumeError(volume.name, error instanceof Error ? error.message : String(error));
        }
      }),
    );
    this.#watches.follow(pod);
    return paths;
  }

  /** Writes again what has changed in the API. */
  async refresh(pod: Stored<Pod>): Promise<void> {
    for (const volume of pod.spec?.volumes ?? [])
      if (isProjected(volume))
        await this.#mountOne(pod, volume).catch((error: unknown) =>
          this.#options.log.debug('volume was not refreshed', { pod: pod.metadata.name, volume: volume.name, error: String(error) }),
        );
  }

  /** Unmounts and removes everything of the pod. What does not go now is tried again by `cleanOrphans`. */
  async unmount(uid: string): Promise<void> {
    this.#watches.unfollow(uid);
    this.#options.sources.tokens.forget(uid);
    const directory = this.podDir(uid);
    for (const name of await readdir(join(directory, IMAGE_VOLUMES)).catch(() => []))
      await this.#images.unmount(join(directory, IMAGE_VOLUMES, name));
    for (const point of (await mountPoints()).filter((path) => path.startsWith(`${directory}/`)).reverse())
      await run('umount', [point]).catch(() => run('umount', ['-l', point]));
    await rm(join(this.#memoryDir, uid), { recursive: true, force: true });
    await rm(directory, { recursive: true, force: true });
  }

  /** Removes what pods left that are gone. */
  async cleanOrphans(known: ReadonlySet<string>): Promise<void> {
    const lists = await Promise.all([join(this.#options.rootDir, 'pods'), this.#memoryDir].map((dir) => readdir(dir).catch(() => [])));
    for (const uid of new Set(lists.flat()))
      if (!known.has(uid))
        await this.unmount(uid).catch((error: unknown) => this.#options.log.warn('volumes of a pod were not removed', { uid, error }));
  }

  async #mountOne(pod: Stored<Pod>, volume: Volume): Promise<string> {
    const uid = pod.metadata.uid ?? '';
    const gid = pod.spec?.securityContext?.fsGroup;
    if (isProjected(volume)) {
      const path = join(this.#memoryDir, uid, volume.name);
      await mkdir(path, { recursive: true, mode: 0o755 });
      const payload = await projectedPayload(pod, volume, this.#options.sources);
      await writeAtomically(path, payload, { now: this.#options.now(), ...(gid === undefined ? {} : { gid }) });
      return path;
    }
    if (volume.hostPath) return checkHostPath(volume.hostPath);
    if (volume.persistentVolumeClaim) return this.#mountClaim(pod, volume, volume.persistentVolumeClaim.claimName);
    if (volume.ephemeral) return this.#mountClaim(pod, volume, `${pod.metadata.name}-${volume.name}`);
    if (volume.nfs) return this.#mountNfs(uid, volume.name, volume.nfs);
    if (volume.image) {
      const path = join(this.podDir(uid), IMAGE_VOLUMES, volume.name);
      await this.#images.mount(await this.#options.pullImage(pod, volume.image), path);
      return path;
    }
    if (volume.emptyDir) return this.#mountEmptyDir(uid, volume, gid);
    const [type = 'none'] = Object.keys(volume).filter((key) => key !== 'name');
    throw new VolumeError(volume.name, `no volume plugin matched (${type})`);
  }

  async #mountEmptyDir(uid: string, volume: Volume, gid: number | undefined): Promise<string> {
    const path = join(this.podDir(uid), 'volumes', 'kubernetes.io~empty-dir', volume.name);
    const isNew = !(await stat(path).catch(() => undefined));
    await mkdir(path, { recursive: true, mode: 0o750 });
    const { medium, sizeLimit } = volume.emptyDir ?? {};
    if (medium === 'Memory' && !(await isMounted(path))) {
      const size = bytes(sizeLimit);
      await run('mount', ['-t', 'tmpfs', '-o', `mode=1777${size > 0 ? `,size=${size}` : ''}`, 'tmpfs', path]);
    }
    if (isNew) {
      if (gid !== undefined) await chown(path, 0, gid);
      // In memory it is sticky, as every tmpfs is.
      await chmod(path, 0o777 | (gid === undefined ? 0 : 0o2000) | (medium === 'Memory' ? 0o1000 : 0));
    }
    return path;
  }

  async #mountClaim(pod: Stored<Pod>, volume: Volume, claimName: string): Promise<string> {
    const { client } = this.#options;
    const claim = await client.get<PersistentVolumeClaim>(persistentVolumeClaim, { namespace: pod.metadata.namespace, name: claimName });
    if (claim.status?.phase !== 'Bound' || !claim.spec?.volumeName)
      throw new VolumeError(volume.name, `PVC ${pod.metadata.namespace}/${claimName} is not bound`);
    const found = await client.get<PersistentVolume>(persistentVolume, { name: claim.spec.volumeName });
    const { hostPath, local, nfs } = found.spec ?? {};
    const gid = pod.spec?.securityContext?.fsGroup;
    if (nfs) return this.#mountNfs(pod.metadata.uid ?? '', volume.name, nfs);
    if (!hostPath && !local) throw new VolumeError(volume.name, `no volume plugin matched for PersistentVolume ${claim.spec.volumeName}`);
    const isOurs = found.metadata?.annotations?.['pv.kubernetes.io/provisioned-by'] === 'slipway.local/path';
    if (isOurs && hostPath) await makeForAnyone(hostPath.path);
    const path = hostPath
      ? await checkHostPath({ type: 'DirectoryOrCreate', ...hostPath })
      : await checkHostPath({ path: local?.path ?? '', type: 'Directory' });
    if (gid !== undefined && (local || isOurs)) {
      await chown(path, (await stat(path)).uid, gid);
      await chmod(path, ((await stat(path)).mode & 0o7777) | 0o2770);
    }
    return path;
  }

  async #mountNfs(uid: string, name: string, nfs: NFSVolumeSource): Promise<string> {
    const path = join(this.podDir(uid), 'volumes', 'kubernetes.io~nfs', name);
    await mkdir(path, { recursive: true, mode: 0o750 });
    if (!(await isMounted(path)))
      await run('mount', ['-t', 'nfs', ...(nfs.readOnly ? ['-o', 'ro'] : []), `${nfs.server}:${nfs.path}`, path]);
    return path;
  }
}

/** Nobody knows yet which user the containers will run as; only pods that name the claim get to see the folder. */
const makeForAnyone = async (path: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true, mode: 0o711 });
  const made = await mkdir(path, { mode: 0o777 }).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
      return false;
    },
  );
  if (made) await chmod(path, 0o777);
};

const checkHostPath = async ({ path, type = '' }: HostPathVolumeSource): Promise<string> => {
  const found = await stat(path).catch(() => undefined);
  const fail = (what: string): never => {
    throw new Error(`hostPath type check failed: ${path} is not ${what}`);
  };
  if (!found && type === 'DirectoryOrCreate') await mkdir(path, { recursive: true, mode: 0o755 });
  else if (!found && type === 'FileOrCreate') await writeFile(path, '', { mode: 0o644 });
  else if ((type === 'Directory' || type === 'DirectoryOrCreate') && !found?.isDirectory()) fail('a directory');
  else if ((type === 'File' || type === 'FileOrCreate') && !found?.isFile()) fail('a file');
  else if (type === 'Socket' && !found?.isSocket()) fail('a socket file');
  else if (type === 'CharDevice' && !found?.isCharacterDevice()) fail('a character device');
  else if (type === 'BlockDevice' && !found?.isBlockDevice()) fail('a block device');
  else if (!found && type === '') await mkdir(path, { recursive: true, mode: 0o755 });
  return path;
};
