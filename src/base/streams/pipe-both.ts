import type { Duplex } from 'node:stream';

/**
 * Joins two connections until both are over. One may end its half and still be told the rest; one that closes or fails takes the other
 * along once what it had sent is written. (Two `pipeline`s on one socket would add more listeners than node lets pass in silence.)
 */
export const pipeBoth = (a: Duplex, b: Duplex): Promise<void> =>
  new Promise((resolve) => {
    let open = 2;
    if (a.destroyed || b.destroyed) {
      a.destroy();
      b.destroy();
      return resolve();
    }
    const join = (from: Duplex, to: Duplex): void => {
      from.pipe(to);
      from.on('error', () => {
        // 'close' follows.
      });
      from.once('close', () => {
        if (to.writableFinished || to.destroyed) to.destroy();
        else to.end(() => to.destroy());
        if (--open === 0) resolve();
      });
    };
    join(a, b);
    join(b, a);
  });
