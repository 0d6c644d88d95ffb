import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Endpoint, ExecPlugin } from './session.ts';

const run = promisify(execFile);

/** Asks a kubeconfig's credential program (`users[].user.exec`) for a token or a client certificate. */
export const runExecPlugin = async (plugin: ExecPlugin): Promise<Partial<Endpoint>> => {
  const apiVersion = plugin.apiVersion ?? 'client.authentication.k8s.io/v1';
  const info = JSON.stringify({ apiVersion, kind: 'ExecCredential', spec: { interactive: false } });
  const env = {
    ...process.env,
    KUBERNETES_EXEC_INFO: info,
    ...Object.fromEntries((plugin.env ?? []).map(({ name, value }) => [name, value])),
  };
  try {
    const { stdout } = await run(plugin.command, plugin.args ?? [], { env, timeout: 60_000, maxBuffer: 1024 * 1024 });
    const { status } = JSON.parse(stdout) as { status?: { token?: string; clientCertificateData?: string; clientKeyData?: string } };
    return { token: status?.token, cert: status?.clientCertificateData, key: status?.clientKeyData };
  } catch (error) {
    throw new SlipwayError('KUBECONFIG_INVALID', { tried: `get credentials from ${plugin.command}`, cause: error as Error });
  }
};
