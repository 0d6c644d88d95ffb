/** Named here, and loaded from here: of a bundle, what is imported whole at run time has no names. */
export { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
