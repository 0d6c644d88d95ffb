import type { Stored } from '../../api/meta/object.ts';
import type { Container, Pod, Secret } from '../../api/types/core-v1.ts';
import type { CriClient } from '../cri/cri-client.ts';
import type { AuthConfig, Image } from '../cri/cri-types.ts';
import { BackOff } from './backoff.ts';
import type { EventRecorder } from './event-recorder.ts';
import { StartError } from './start-error.ts';

export interface ImageFacts {
  id: string;
  uid: number | undefined;
  username: string;
}

const BACKOFF = { initialMs: 10_000, maxMs: 300_000 };
/** Pulls that run at once; more wait. */
const MAX_PULLS = 4;

/** Makes the image of a container present, under the policy that it names. Pulls of one image at the same time are one pull. */
export class ImagePuller {
  readonly #cri: CriClient;
  readonly #events: EventRecorder;
  readonly #now: () => number;
  readonly #backOff = new BackOff(BACKOFF);
  readonly #underWay = new Map<string, Promise<string>>();
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(options: { cri: CriClient; events: EventRecorder; now: () => number }) {
    this.#cri = options.cri;
    this.#events = options.events;
    this.#now = options.now;
  }

  /** Throws StartError. `secrets` are read when a pull is needed. The image of a volume has no container's name. */
  async ensure(
    pod: Stored<Pod>,
    container: Pick<Container, 'name' | 'image' | 'imagePullPolicy'>,
    secrets: () => Promise<Secret[]>,
  ): Promise<ImageFacts> {
    const name = container.image ?? '';
    const policy = container.imagePullPolicy ?? (isLatest(name) ? 'Always' : 'IfNotPresent');
    const present = await this.#inspect(name);
    const about = container.name ? `spec.${fieldOf(pod, container)}{${container.name}}` : undefined;
    if (present && policy !== 'Always') {
      this.#events.record(pod, 'Normal', 'Pulled', `Container image "${name}" already present on machine`, about);
      return factsOf(present);
    }
    if (policy === 'Never') {
      this.#events.record(pod, 'Warning', 'ErrImageNeverPull', `Container image "${name}" is not present with pull policy of Never`, about);
      throw new StartError('ErrImageNeverPull', `Container image "${name}" is not present with pull policy of Never`);
    }
    const key = `${name}_${pod.metadata.uid}`;
    const { waitMs } = this.#backOff.remaining(key, { now: this.#now() });
    if (waitMs > 0) {
      this.#events.record(pod, 'Normal', 'BackOff', `Back-off pulling image "${name}"`, about);
      throw new StartError('ImagePullBackOff', `Back-off pulling image "${name}"`);
    }
    const startedAt = this.#now();
    this.#events.record(pod, 'Normal', 'Pulling', `Pulling image "${name}"`, about);
    try {
      await this.#pull(name, await secrets());
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#events.record(pod, 'Warning', 'Failed', `Failed to pull image "${name}": ${message}`, about);
      this.#events.record(pod, 'Warning', 'Failed', 'Error: ErrImagePull', about);
      this.#backOff.next(key, { since: this.#now(), now: this.#now() });
      throw new StartError('ErrImagePull', message);
    }
    const image = await this.#inspect(name);
    if (!image) throw new StartError('ImageInspectError', `Failed to inspect image "${name}"`);
    this.#events.record(
      pod,
      'Normal',
      'Pulled',
      `Successfully pulled image "${name}" in ${this.#now() - startedAt}ms. Image size: ${image.size} bytes.`,
      about,
    );
    return factsOf(image);
  }

  /** When a pod's next pull is due, in milliseconds; 0 when it waits for none. */
  waitMs(pod: Stored<Pod>, image: string): number {
    return this.#backOff.remaining(`${image}_${pod.metadata.uid}`, { now: this.#now() }).waitMs;
  }

  async #inspect(name: string): Promise<Image | null> {
    try {
      return (await this.#cri.imageStatus({ image: { image: name } })).image;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (/invalid reference format|couldn't parse image/i.test(message))
        throw new StartError(
          'InvalidImageName',
          `Failed to apply default image tag "${name}": couldn't parse image name "${name}": invalid reference format`,
        );
      throw new StartError('ImageInspectError', `Failed to inspect image "${name}": ${message}`);
    }
  }

  #pull(name: string, secrets: readonly Secret[]): Promise<string> {
    const key = `${name} ${secrets.map(({ metadata }) => metadata?.uid).join(' ')}`;
    const underWay = this.#underWay.get(key);
    if (underWay) return underWay;
    const pulling = this.#inTurn(() => this.#pullWith(name, credentialsFor(name, secrets))).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, pulling);
    return pulling;
  }

  async #pullWith(name: string, credentials: readonly Partial<AuthConfig>[]): Promise<string> {
    let failure: unknown;
    for (const auth of credentials.length > 0 ? credentials : [undefined]) {
      try {
        return (await this.#cri.pullImage({ image: { image: name }, ...(auth ? { auth } : {}) })).imageRef;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= MAX_PULLS) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      this.#queue.shift()?.();
    }
  }
}

const factsOf = (image: Image): ImageFacts => ({ id: image.id, uid: image.uid?.value, username: image.username });

const isLatest = (name: string): boolean => {
  const last = name.slice(name.lastIndexOf('/') + 1);
  return !name.includes('@') && (!last.includes(':') || last.endsWith(':latest'));
};

/** `containers`, `initContainers` or `ephemeralContainers`: where events say that a container stands. */
export const fieldOf = (pod: Stored<Pod>, container: { name: string }): string =>
  pod.spec?.initContainers?.some(({ name }) => name === container.name)
    ? 'initContainers'
    : pod.spec?.ephemeralContainers?.some(({ name }) => name === container.name)
      ? 'ephemeralContainers'
      : 'containers';

/** Credentials of `kubernetes.io/dockerconfigjson` and the older `dockercfg` secrets that fit the image's registry. */
const credentialsFor = (image: string, secrets: readonly Secret[]): Partial<AuthConfig>[] => {
  const first = image.split('/')[0] ?? '';
  const registry = image.includes('/') && /[.:]|^localhost$/.test(first) ? first : 'docker.io';
  const found: Partial<AuthConfig>[] = [];
  for (const { data = {} } of secrets) {
    const text = data['.dockerconfigjson'] ?? data['.dockercfg'];
    if (!text) continue;
    try {
      const parsed = JSON.parse(Buffer.from(text, 'base64').toString()) as Record<string, unknown>;
      const entries = (parsed['auths'] ?? parsed) as Record<string, Record<string, string>>;
      for (const [server, entry] of Object.entries(entries)) {
        const host = server.replace(/^https?:\/\//, '').split('/')[0] ?? '';
        if (host !== registry && !(registry === 'docker.io' && host === 'index.docker.io')) continue;
        const [username = '', password = ''] = entry['auth']
          ? Buffer.from(entry['auth'], 'base64').toString().split(/:(.*)/s)
          : [entry['username'], entry['password']];
        found.push({ username, password, serverAddress: server });
      }
    } catch {
      // A secret that is not what its type says holds no credentials.
    }
  }
  return found;
};
