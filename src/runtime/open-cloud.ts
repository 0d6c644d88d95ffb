import type { ServerConfig } from '../api/config/server-config.ts';
import type { CloudProvider } from '../controllers/cloud.ts';

/**
 * The cloud that the cluster's machines are of. Its SDK is larger than the whole server: on nodes it is a bundle of its own beside the server's,
 * which is laid and loaded only where it is used (ADR 52).
 */
export const openCloud = async ({ cloud, clusterName }: ServerConfig): Promise<CloudProvider | undefined> => {
  if (!cloud) return undefined;
  const { createAwsCloud } = await import('../drivers/aws/aws-cloud.ts');
  return createAwsCloud({ cluster: clusterName, region: cloud.region, endpoint: cloud.endpoint, podRoutes: cloud.podRoutes });
};
