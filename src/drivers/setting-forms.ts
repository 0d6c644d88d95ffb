import { ipv4RangeOfSize } from '../base/net/ipv4-forms.ts';
import type { TextForm } from '../base/text/text-form.ts';

/** Forms of settings that several drivers have. */
export const NODE_SUBNET: TextForm = ipv4RangeOfSize(24, '10.200.1.0/24');

export const USER_NAME: TextForm = {
  pattern: '[a-z][a-z0-9_-]{0,30}',
  'x-is': 'the name of a user such as slipway: a small letter, then at most 30 small letters, digits, _ and -',
};

export const SHA256: TextForm = {
  pattern: '[0-9a-fA-F]{64}',
  'x-is': 'a SHA-256 checksum: 64 hexadecimal digits, as sha256sum prints them',
};

export const ABSOLUTE_PATH: TextForm = { pattern: '/.+', 'x-is': 'an absolute path such as /srv/images/slipway' };

export const PLAIN_NAME: TextForm = {
  pattern: '[A-Za-z0-9_.-]{1,64}',
  'x-is': 'at most 64 letters, digits, _, . and -, such as slipway-2.1',
};
