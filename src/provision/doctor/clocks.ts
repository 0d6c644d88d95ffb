import type { Finding } from '../../drivers/driver.ts';
import type { NodeFacts } from './node-facts.ts';

/** Certificates are valid from five minutes before they are made; leases and tokens bear less. */
const ERROR_MS = 60_000;
const WARNING_MS = 2000;

/** Clocks that go apart, beyond what asking them leaves uncertain. Of nodes and of this computer, whose clock is the origin. */
export const clockFindings = (nodes: ReadonlyMap<string, Pick<NodeFacts, 'clockOffsetMs' | 'clockErrorMs'>>): Finding[] =>
  [...nodes].flatMap(([name, { clockOffsetMs, clockErrorMs }]) => {
    const off = Math.abs(clockOffsetMs) - clockErrorMs;
    if (off < WARNING_MS) return [];
    const seconds = (Math.abs(clockOffsetMs) / 1000).toFixed(1);
    return [
      {
        severity: off < ERROR_MS ? 'warning' : 'error',
        problem: `The clock of ${name} is ${seconds} s ${clockOffsetMs > 0 ? 'ahead of' : 'behind'} this computer's: certificates, tokens and leases are judged by it.`,
        fix: `timedatectl set-ntp true   # on ${name}; or with chrony`,
      },
    ];
  });
