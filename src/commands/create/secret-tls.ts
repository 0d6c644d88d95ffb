import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Flags, textFlag } from '../../cli/args/flags.ts';
import { CommandError, UsageError } from '../../cli/errors.ts';
import { WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { builtinResource } from '../../cli/kube/resource-catalog.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = {
  ...WRITE_FLAGS,
  cert: textFlag('File of the certificate, PEM'),
  key: textFlag('File of its key, PEM'),
} as const satisfies Flags;

export default class CreateSecretTls extends ObjectCommand<typeof flags> {
  static override summary = 'Create a Secret of a certificate and its key';
  static override usage = 'NAME --cert=FILE --key=FILE';
  static override examples = ['slipway create secret tls shop --cert=shop.crt --key=shop.key'];
  static override flags = flags;

  async run(): Promise<void> {
    const name = this.args[0];
    if (!name) throw new UsageError('exactly one NAME is required, got 0');
    const { cert, key } = this.flags;
    if (!cert || !key) throw new CommandError('key and cert must be specified');
    const [certificate, privateKey] = await Promise.all([read(cert), read(key)]);
    checkPair(certificate, privateKey);
    const data = { 'tls.crt': certificate.toString('base64'), 'tls.key': privateKey.toString('base64') };
    const resource = builtinResource('secrets');
    const object = { apiVersion: 'v1', kind: 'Secret', metadata: { name }, type: 'kubernetes.io/tls', data };
    await this.report(resource, await this.create(resource, object), 'created');
  }
}

const read = async (path: string): Promise<Buffer> => {
  try {
    return await readFile(path);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = missing ? `open ${path}: no such file or directory` : (error as Error).message;
    throw new CommandError(`Cannot read file ${path}, ${why}`, { cause: error });
  }
};

/** A pair that does not fit would only be found out when a server starts with it. */
const checkPair = (certificate: Buffer, privateKey: Buffer): void => {
  let fits: boolean;
  try {
    fits = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey));
  } catch (error) {
    throw new CommandError(`tls: the certificate or the key cannot be read: ${(error as Error).message}`, { cause: error });
  }
  if (!fits) throw new CommandError('tls: private key does not match public key');
};
