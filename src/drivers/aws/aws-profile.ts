import type { Journal } from '../driver.ts';
import { type AwsClients, asked, unlessFault } from './aws-clients.ts';
import { nameOf } from './aws-network.ts';
import { CLUSTER_TAG } from './aws-tags.ts';

/**
 * The rights of a control plane's machine: to find the cluster's instances, and to make balancers and remove those that carry its tag. Machines
 * of workers have no rights at all.
 */
export const controlPlanePolicy = (cluster: string): object => ({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Action: ['ec2:DescribeInstances', 'ec2:DescribeSecurityGroups', 'ec2:DescribeSubnets', 'elasticloadbalancing:Describe*'],
      Resource: '*',
    },
    {
      // What the balancer service looks at in the name of who asks for a balancer.
      Effect: 'Allow',
      Action: ['ec2:DescribeAccountAttributes', 'ec2:DescribeAddresses', 'ec2:DescribeInternetGateways', 'ec2:DescribeVpcs'],
      Resource: '*',
    },
    {
      // The first balancer of an account makes the role of the balancer service.
      Effect: 'Allow',
      Action: ['iam:CreateServiceLinkedRole'],
      Resource: '*',
      Condition: { StringEquals: { 'iam:AWSServiceName': 'elasticloadbalancing.amazonaws.com' } },
    },
    {
      Effect: 'Allow',
      Action: ['elasticloadbalancing:CreateLoadBalancer', 'elasticloadbalancing:CreateTargetGroup', 'elasticloadbalancing:AddTags'],
      Resource: '*',
      Condition: { StringEquals: { [`aws:RequestTag/${CLUSTER_TAG}`]: cluster } },
    },
    {
      Effect: 'Allow',
      Action: [
        'elasticloadbalancing:CreateListener',
        'elasticloadbalancing:DeleteListener',
        'elasticloadbalancing:DeleteLoadBalancer',
        'elasticloadbalancing:DeleteTargetGroup',
        'elasticloadbalancing:DeregisterTargets',
        'elasticloadbalancing:ModifyListener',
        'elasticloadbalancing:ModifyLoadBalancerAttributes',
        'elasticloadbalancing:ModifyTargetGroup',
        'elasticloadbalancing:ModifyTargetGroupAttributes',
        'elasticloadbalancing:RegisterTargets',
      ],
      Resource: '*',
      Condition: { StringEquals: { [`aws:ResourceTag/${CLUSTER_TAG}`]: cluster } },
    },
    {
      Effect: 'Allow',
      Action: ['ec2:AuthorizeSecurityGroupIngress', 'ec2:RevokeSecurityGroupIngress'],
      Resource: '*',
      Condition: { StringEquals: { [`ec2:ResourceTag/${CLUSTER_TAG}`]: cluster } },
    },
  ],
});

/** Beside these, where pods are reached by routes of the network. */
export const podRoutesPolicy = (cluster: string): object => ({
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Action: ['ec2:DescribeRouteTables'], Resource: '*' },
    {
      Effect: 'Allow',
      Action: ['ec2:CreateRoute', 'ec2:ReplaceRoute', 'ec2:DeleteRoute'],
      Resource: '*',
      Condition: { StringEquals: { [`ec2:ResourceTag/${CLUSTER_TAG}`]: cluster } },
    },
  ],
});

const POLICIES = { rights: 'slipway', podRoutes: 'slipway-pod-routes' };

const ASSUMED_BY_EC2 = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
};

/** The instance profile of control planes, with its role. Answers its name. */
export const ensureProfile = async (
  clients: AwsClients,
  { cluster, journal, podRoutes }: { cluster: string; journal: Journal; podRoutes: boolean },
): Promise<string> => {
  const iam = await clients.iam();
  const name = nameOf(cluster);
  const tags = [{ Key: CLUSTER_TAG, Value: cluster }];
  const tried = `make the role ${name}`;
  const exists = unlessFault('EntityAlreadyExists', 'LimitExceeded');
  const known = await asked(tried, iam.getInstanceProfile({ InstanceProfileName: name }).catch(unlessFault('NoSuchEntity')));
  const give = (PolicyName: string, policy: object) =>
    asked(tried, iam.putRolePolicy({ RoleName: name, PolicyName, PolicyDocument: JSON.stringify(policy) }));
  // One without a role is what a crash has left.
  if (!known?.InstanceProfile?.Roles?.length) {
    await journal.record({ kind: 'role', name, driver: 'aws', details: { region: clients.region } });
    await asked(
      tried,
      iam.createRole({ RoleName: name, AssumeRolePolicyDocument: JSON.stringify(ASSUMED_BY_EC2), Tags: tags }).catch(exists),
    );
    await give(POLICIES.rights, controlPlanePolicy(cluster));
    await asked(tried, iam.createInstanceProfile({ InstanceProfileName: name, Tags: tags }).catch(exists));
    // One role is all that a profile can have.
    await asked(tried, iam.addRoleToInstanceProfile({ InstanceProfileName: name, RoleName: name }).catch(exists));
  }
  // The wish may be younger than the role.
  if (podRoutes) await give(POLICIES.podRoutes, podRoutesPolicy(cluster));
  return name;
};

export const removeProfile = async (clients: AwsClients, cluster: string, journal: Journal): Promise<void> => {
  const name = nameOf(cluster);
  if (!(await journal.entries()).some((entry) => entry.driver === 'aws' && entry.kind === 'role' && entry.name === name)) {
    // Who never made one may lack the right to look for it.
    const iam = await clients.iam();
    const found = await iam.getInstanceProfile({ InstanceProfileName: name }).catch(() => undefined);
    if (!found) return;
  }
  const iam = await clients.iam();
  const gone = unlessFault('NoSuchEntity');
  const tried = `remove the role ${name}`;
  await asked(tried, iam.removeRoleFromInstanceProfile({ InstanceProfileName: name, RoleName: name }).catch(gone));
  await asked(tried, iam.deleteInstanceProfile({ InstanceProfileName: name }).catch(gone));
  for (const PolicyName of Object.values(POLICIES)) await asked(tried, iam.deleteRolePolicy({ RoleName: name, PolicyName }).catch(gone));
  await asked(tried, iam.deleteRole({ RoleName: name }).catch(gone));
  await journal.forget({ driver: 'aws', kind: 'role', name });
};
