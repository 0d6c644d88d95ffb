/** Named here, and loaded from here: of a bundle, what is imported whole at run time has no names. */
export { SSM } from '@aws-sdk/client-ssm';
