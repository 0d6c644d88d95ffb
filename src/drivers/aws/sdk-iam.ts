/** Named here, and loaded from here: of a bundle, what is imported whole at run time has no names. */
export { IAM } from '@aws-sdk/client-iam';
