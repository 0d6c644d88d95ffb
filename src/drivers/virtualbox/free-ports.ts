import { createServer } from 'node:net';
import { SlipwayError } from '../../base/errors/slipway-error.ts';

const FIRST = 22_000;
const LAST = 27_999;

/** Ports of the loopback that nobody listens on, and that are not in `taken`: rules of networks whose machines are off. Throws ADDRESS_IN_USE. */
export const freePorts = async (count: number, taken: ReadonlySet<number>): Promise<number[]> => {
  const found: number[] = [];
  for (let port = FIRST; port <= LAST && found.length < count; port++) if (!taken.has(port) && (await isFree(port))) found.push(port);
  if (found.length === count) return found;
  throw new SlipwayError('ADDRESS_IN_USE', { tried: `find ${count} free ports`, cause: `${FIRST} to ${LAST} are all taken` });
};

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
