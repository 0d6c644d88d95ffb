import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';

/**
 * A real kube-apiserver to compare with, when the environment has one: SLIPWAY_ORACLE names a folder with ca.crt, admin.crt,
 * admin.key and a file `server` with its URL (default https://127.0.0.1:16443).
 */
export const oracleOptions = async (): Promise<{ servers: string[]; ca: string; cert: string; key: string } | undefined> => {
  const folder = process.env['SLIPWAY_ORACLE'];
  if (!folder || !existsSync(join(folder, 'admin.key'))) return undefined;
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const server = existsSync(join(folder, 'server')) ? read('server').trim() : 'https://127.0.0.1:16443';
  const { hostname, port } = new URL(server);
  const isUp = await new Promise<boolean>((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) }, () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
  return isUp ? { servers: [server], ca: read('ca.crt'), cert: read('admin.crt'), key: read('admin.key') } : undefined;
};
