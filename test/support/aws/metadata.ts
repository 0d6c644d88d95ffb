import { createServer } from 'node:http';
import { until } from '../until.ts';

export const METADATA_ADDRESS = '169.254.169.254';

/** The second version of EC2's metadata service, of which only the credentials of a machine's role are asked. */
export const serveMetadata = async (hasProfile: (address: string) => boolean): Promise<{ close: () => void }> => {
  const server = createServer((request, response) => {
    const from = (request.socket.remoteAddress ?? '').replace('::ffff:', '');
    const path = request.url ?? '';
    const say = (status: number, text: string): void => void response.writeHead(status).end(text);
    if (request.method === 'PUT') return say(200, 'token');
    if (!request.headers['x-aws-ec2-metadata-token']) return say(401, '');
    if (!hasProfile(from)) return say(404, '');
    if (path.endsWith('/security-credentials/')) return say(200, 'role');
    const credentials = {
      Code: 'Success',
      Type: 'AWS-HMAC',
      AccessKeyId: 'role',
      SecretAccessKey: 'role',
      Token: 'token',
    };
    return say(
      200,
      JSON.stringify({
        ...credentials,
        Expiration: new Date(Date.now() + 3600_000).toISOString(),
      }),
    );
  });
  const listening = (): Promise<boolean> =>
    new Promise((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(80, METADATA_ADDRESS, () => resolve(true));
    });
  await until(listening, { what: 'the metadata service listens' });
  server.unref();
  return { close: () => void server.closeAllConnections() };
};
