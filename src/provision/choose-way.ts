import { isApiServer } from '../client/discovery/find-api-servers.ts';
import type { RestTransport } from '../client/rest/rest-transport.ts';
import { adminTransport } from './admin-transport.ts';
import { type ApiTunnel, openTunnelForJob, passageToApi, tunnelPortFor } from './api-tunnel.ts';
import { apiServers, type ClusterContext } from './cluster-context.ts';
import { writeWayIn } from './steps/kubeconfig.ts';
import { requirePki } from './steps/lay-files.ts';

/** Packets to a network that this computer has no way to are lost, or nobody says so. */
const DIRECT_MS = 1500;

/**
 * Asks the API whether it is ready, and answers the transport that has asked. Where the control plane's host is reached by way of others, there are
 * two ways: directly, and over SSH. The direct one is taken where it leads to a server with a certificate of this cluster: in another network,
 * another machine may have the same address. It is judged once the API is known to be up; what is found is saved, and the kubeconfigs say it.
 */
export const openWay = async (context: ClusterContext): Promise<() => Promise<RestTransport>> => {
  const passage = context.tunnel ? undefined : await passageToApi(context.spec, context.drivers);
  // Over SSH already, where that is known of before.
  const direct = adminTransport(context);
  context.close.push(() => direct.close());
  // A way that was over SSH until now, and is no more, is forgotten as well.
  if (!passage) return async () => settle(context, context.tunnel, await whenReady(direct, context.signal));
  let failure: Error | undefined;
  const tunnel = await openTunnelForJob(passage, {
    port: context.state.tunnelPort ?? tunnelPortFor(context.spec.name),
    onFailure: (error) => {
      failure = error;
    },
  });
  const overSsh = adminTransport({ ...context, tunnel });
  context.close.push(
    () => overSsh.close(),
    () => tunnel.close(),
  );
  return async () => {
    failure = undefined;
    const far = await whenReady(overSsh, context.signal).catch((error: Error) => error);
    if (await answersDirectly(context)) {
      await whenReady(direct, context.signal);
      return settle(context, undefined, direct);
    }
    // What SSH says is the reason; that a connection to this computer itself ended is not.
    if (far instanceof Error) throw failure ?? far;
    return settle(context, tunnel, far);
  };
};

const whenReady = async (transport: RestTransport, signal: AbortSignal): Promise<RestTransport> => {
  await transport.send({ method: 'GET', path: '/readyz', signal });
  return transport;
};

const answersDirectly = async (context: ClusterContext): Promise<boolean> => {
  const { trustPem } = requirePki(context);
  const answers = await Promise.all(apiServers(context).map((url) => isApiServer(url, { trustPem, timeoutMs: DIRECT_MS })));
  return answers.includes(true);
};

const settle = async <T>(context: ClusterContext, tunnel: ApiTunnel | undefined, transport: T): Promise<T> => {
  context.tunnel = tunnel;
  const tunnelPort = tunnel && (context.state.tunnelPort ?? tunnelPortFor(context.spec.name));
  if (tunnelPort !== context.state.tunnelPort) {
    context.state = { ...context.state, tunnelPort };
    await context.folder.write(context.state);
    await writeWayIn(context);
  }
  return transport;
};
