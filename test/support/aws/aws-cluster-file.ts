/** A cluster file: `cloud` on instances of AWS, with the demo. `settings`: of the driver, as YAML puts them between braces. */
export const awsClusterFile = ({ settings, count }: { settings: string; count: number }): string => `apiVersion: slipway/v1
kind: Cluster
metadata: {name: cloud}
spec:
  driver: aws
  drivers:
    aws: {region: eu-central-1, ${settings}}
  pools: [{name: main, count: ${count}}]
  addons: {demo: true}
`;
