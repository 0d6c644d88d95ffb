import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { replaceFile } from '../base/files/replace-file.ts';
import type { KeyPair } from './certificates.ts';

/** Where a certificate and its key lie. */
export interface KeyPairPaths {
  certFile: string;
  keyFile: string;
}

/** Where a certificate lies while its key is being replaced. */
export const pendingCertFile = (certFile: string): string => `${certFile}.new`;

/**
 * Replaces both files. No crash leaves a key without its certificate: the new certificate is beside the old one before the key is
 * replaced, and `readKeyPair` takes it from there.
 */
export const writeKeyPair = async (paths: KeyPairPaths, pair: KeyPair): Promise<void> => {
  const pending = pendingCertFile(paths.certFile);
  await replaceFile(pending, pair.certPem, { mode: 0o600 });
  await replaceFile(paths.keyFile, pair.keyPem, { mode: 0o600 });
  await rename(pending, paths.certFile);
};

/** Throws when a file is absent, or no certificate fits the key. */
export const readKeyPair = ({ certFile, keyFile }: KeyPairPaths): KeyPair => {
  const keyPem = readFileSync(keyFile, 'utf8');
  const key = createPrivateKey(keyPem);
  for (const path of [certFile, pendingCertFile(certFile)]) {
    const certPem = path === certFile ? readFileSync(path, 'utf8') : readIfThere(path);
    if (certPem !== undefined && new X509Certificate(certPem).checkPrivateKey(key)) return { certPem, keyPem };
  }
  throw new Error(`the key ${keyFile} does not belong to the certificate ${certFile}`);
};

const readIfThere = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Only a crash leaves it.
    return undefined;
  }
};
