import { createRestTransport, type RestTransport } from '../client/rest/rest-transport.ts';
import { tunnelAccess } from './api-tunnel.ts';
import { apiServers, type ClusterContext } from './cluster-context.ts';
import { requirePki } from './steps/lay-files.ts';

/** Where the API servers of a cluster are for the work of one run, and the name that their certificates have where it is not the address. */
export const apiAccess = (context: ClusterContext): { servers: string[]; serverName?: string | undefined } => {
  if (!context.tunnel) return { servers: apiServers(context) };
  const { server, tlsServerName } = tunnelAccess(context.tunnel.port);
  return { servers: [server], serverName: tlsServerName };
};

/** A connection of its own, as the cluster's administrator. */
export const adminTransport = (context: ClusterContext, options: { connectTimeoutMs?: number } = {}): RestTransport => {
  const { trustPem, admin } = requirePki(context);
  return createRestTransport({ ...apiAccess(context), ca: trustPem, cert: admin.certPem, key: admin.keyPem, ...options });
};
