import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../../src/api/meta/object.ts';
import type { PolicyRule } from '../../../src/api/types/rbac-v1.ts';
import { aggregatedRules } from '../../../src/apiserver/auth/aggregated-rules.ts';
import type { AccessRequest } from '../../../src/apiserver/auth/authorizer.ts';
import { compileGrants, ruleAllows } from '../../../src/apiserver/auth/rbac-authorizer.ts';

const ask = (more: Partial<AccessRequest>): AccessRequest => ({
  user: { name: 'u', groups: [] },
  verb: 'get',
  group: '',
  resource: 'pods',
  subresource: '',
  namespace: 'a',
  name: 'p',
  path: '',
  ...more,
});

const CASES: [what: string, rule: PolicyRule, request: Partial<AccessRequest>, allowed: boolean][] = [
  ['the same', { verbs: ['get'], apiGroups: [''], resources: ['pods'] }, {}, true],
  ['another verb', { verbs: ['list'], apiGroups: [''], resources: ['pods'] }, {}, false],
  ['another group', { verbs: ['get'], apiGroups: ['apps'], resources: ['pods'] }, {}, false],
  ['everything', { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { subresource: 'exec' }, true],
  ['a resource is not its subresource', { verbs: ['get'], apiGroups: [''], resources: ['pods'] }, { subresource: 'log' }, false],
  ['a subresource', { verbs: ['get'], apiGroups: [''], resources: ['pods/log'] }, { subresource: 'log' }, true],
  ['a subresource of anything', { verbs: ['get'], apiGroups: [''], resources: ['*/log'] }, { subresource: 'log' }, true],
  ['a name', { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['p'] }, {}, true],
  ['another name', { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['q'] }, {}, false],
  ['a path', { verbs: ['get'], nonResourceURLs: ['/healthz'] }, { path: '/healthz' }, true],
  ['a path below', { verbs: ['get'], nonResourceURLs: ['/healthz/*'] }, { path: '/healthz/etcd' }, true],
  ['a path beside', { verbs: ['get'], nonResourceURLs: ['/healthz'] }, { path: '/healthzz' }, false],
  ['resources give no paths', { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { path: '/metrics' }, false],
];
for (const [what, rule, request, allowed] of CASES)
  test(`a rule of ${what} ${allowed ? 'allows' : 'does not allow'}`, () => assert.equal(ruleAllows(rule, ask(request)), allowed));

const role = (name: string, more: object): KubeObject => ({ kind: 'ClusterRole', metadata: { name }, ...more }) as KubeObject;

test('roles that gather others end also where they gather each other', () => {
  const selects = (label: string) => ({ clusterRoleSelectors: [{ matchLabels: { [label]: 'true' } }] });
  const a = role('a', { metadata: { name: 'a', labels: { b: 'true' } }, aggregationRule: selects('a') });
  const b = role('b', { metadata: { name: 'b', labels: { a: 'true' } }, aggregationRule: selects('b') });
  const leaf = role('leaf', {
    metadata: { name: 'leaf', labels: { b: 'true' } },
    rules: [{ verbs: ['get'], apiGroups: [''], resources: ['x'] }],
  });
  assert.equal(aggregatedRules(a, [a, b, leaf]).length, 1);
});

test('a binding to a role that is not there grants nothing and says which', () => {
  const grants = compileGrants({
    clusterRoles: [],
    roles: [],
    clusterBindings: [],
    bindings: [
      {
        metadata: { name: 'x', namespace: 'a' },
        roleRef: { kind: 'Role', name: 'none' },
        subjects: [{ kind: 'ServiceAccount', name: 's' }],
      },
    ],
  });
  const [grant] = grants.get('User:system:serviceaccount:a:s') ?? [];
  assert.deepEqual([grant?.rules, grant?.missing], [[], 'role.rbac.authorization.k8s.io "none" not found']);
});
