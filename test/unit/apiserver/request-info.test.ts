import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestInfoOf } from '../../../src/apiserver/http/request-info.ts';

const infoOf = (method: string, url: string) => {
  const [path = '', query = ''] = url.split('?');
  const { verb, group, version, resource, subresource, namespace, name, tail, isResource } = requestInfoOf(
    method,
    path,
    new URLSearchParams(query),
  );
  return isResource ? [verb, group, version, namespace, resource, name, subresource, tail].join('|') : `path|${verb}`;
};

const CASES: [method: string, url: string, expected: string][] = [
  ['GET', '/api/v1/pods', 'list||v1||pods|||'],
  ['GET', '/api/v1/namespaces/a/pods', 'list||v1|a|pods|||'],
  ['GET', '/api/v1/namespaces/a/pods?watch=true', 'watch||v1|a|pods|||'],
  ['GET', '/api/v1/namespaces/a/pods?watch=false', 'list||v1|a|pods|||'],
  ['GET', '/api/v1/watch/namespaces/a/pods', 'watch||v1|a|pods|||'],
  ['GET', '/api/v1/namespaces/a/pods?fieldSelector=metadata.name%3Dp', 'list||v1|a|pods|p||'],
  ['GET', '/api/v1/namespaces/a/pods/p', 'get||v1|a|pods|p||'],
  ['HEAD', '/api/v1/namespaces/a/pods/p', 'get||v1|a|pods|p||'],
  ['POST', '/api/v1/namespaces/a/pods', 'create||v1|a|pods|||'],
  ['POST', '/api/v1/namespaces/a/pods/p/exec?command=x', 'create||v1|a|pods|p|exec|'],
  ['GET', '/api/v1/namespaces/a/pods/p/proxy/x/y', 'get||v1|a|pods|p|proxy|/x/y'],
  ['GET', '/api/v1/nodes/n/proxy/metrics', 'get||v1||nodes|n|proxy|/metrics'],
  ['PUT', '/api/v1/namespaces/a/finalize', 'update||v1|a|namespaces|a|finalize|'],
  ['GET', '/api/v1/namespaces', 'list||v1||namespaces|||'],
  ['GET', '/api/v1/namespaces/a', 'get||v1|a|namespaces|a||'],
  ['PATCH', '/apis/apps/v1/namespaces/a/deployments/d/status', 'patch|apps|v1|a|deployments|d|status|'],
  ['DELETE', '/apis/apps/v1/namespaces/a/deployments', 'deletecollection|apps|v1|a|deployments|||'],
  ['DELETE', '/apis/apps/v1/namespaces/a/deployments/d', 'delete|apps|v1|a|deployments|d||'],
  ['GET', '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode', 'get|rbac.authorization.k8s.io|v1||clusterroles|system:node||'],
  ['GET', '/api/v1', 'path|get'],
  ['GET', '/apis/apps/v1', 'path|get'],
  ['GET', '/', 'path|get'],
  ['GET', '/healthz', 'path|get'],
];

for (const [method, url, expected] of CASES) test(`${method} ${url}`, () => assert.equal(infoOf(method, url), expected));
