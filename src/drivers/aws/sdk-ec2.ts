/** Named here, and loaded from here: of a bundle, what is imported whole at run time has no names. */
export { EC2, paginateDescribeInstances, paginateDescribeSpotInstanceRequests } from '@aws-sdk/client-ec2';
