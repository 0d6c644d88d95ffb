/** What nodes on this computer get a free /24 of, in this order, where no subnet is asked for. */
export const NODE_NETWORKS: readonly string[] = ['10.89.0.0/16', '172.31.240.0/20'];
