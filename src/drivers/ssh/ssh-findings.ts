import { hasProgram } from '../../hosts/local/has-program.ts';
import type { Finding } from '../driver.ts';

/** What this computer lacks for hosts over SSH. Clusters are made without it: Slipway speaks SSH itself, and leaves only terminals to OpenSSH. */
export const sshFindings = (path = process.env['PATH'] ?? ''): Finding[] =>
  hasProgram('ssh', path)
    ? []
    : [
        {
          severity: 'warning',
          problem: 'The program ssh is not installed: slipway node ssh needs it.',
          fix: 'apt-get install openssh-client',
          packages: ['openssh-client'],
        },
      ];
