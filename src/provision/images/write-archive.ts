import { createHash } from 'node:crypto';
import { pack } from 'tar-stream';
import type { Architecture } from './pause-program.ts';

export interface LayerEntry {
  /** `bin/busybox`; folders end with a slash. */
  path: string;
  content?: string | Uint8Array;
  /** Where a link points to. */
  linkTo?: string;
  mode?: number;
  uid?: number;
}

export interface ImageSpec {
  reference: string;
  architecture: Architecture;
  entries: readonly LayerEntry[];
  config: {
    Entrypoint: readonly string[];
    Env?: readonly string[];
    User?: string;
    ExposedPorts?: Readonly<Record<string, object>>;
    WorkingDir?: string;
    Labels?: Readonly<Record<string, string>>;
  };
}

/** A docker-archive of one image with one layer. The same spec gives the same bytes: times are zero and entries are in order. */
export const writeImageArchive = async (spec: ImageSpec): Promise<Buffer> => {
  const layer = await tarOf(spec.entries);
  const diffId = `sha256:${sha256(layer)}`;
  const config = JSON.stringify({
    architecture: spec.architecture,
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: spec.config,
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'slipway' }],
  });
  const configName = `${sha256(config)}.json`;
  const layerName = `${sha256(layer)}/layer.tar`;
  return tarOf([
    { path: configName, content: config },
    { path: layerName, content: layer },
    { path: 'manifest.json', content: JSON.stringify([{ Config: configName, RepoTags: [spec.reference], Layers: [layerName] }]) },
  ]);
};

export const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

const EPOCH = new Date(0);

const tarOf = async (entries: readonly LayerEntry[]): Promise<Buffer> => {
  const archive = pack();
  for (const { path, content, linkTo, mode, uid = 0 } of entries) {
    const common = { name: path, mtime: EPOCH, uid, gid: uid };
    if (linkTo !== undefined) archive.entry({ ...common, type: 'symlink', linkname: linkTo, mode: 0o777 });
    else if (path.endsWith('/')) archive.entry({ ...common, type: 'directory', mode: mode ?? 0o755 });
    else archive.entry({ ...common, mode: mode ?? 0o644 }, typeof content === 'string' ? content : Buffer.from(content ?? ''));
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};
