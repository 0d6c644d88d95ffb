import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CertificateSigningRequestSpec } from '../../../src/api/types/certificates-v1.ts';
import { isSelfRenewal, judgeRequest, mayServe } from '../../../src/controllers/certificates/certificates-decide.ts';

const node = { commonName: 'system:node:n1', organizations: ['system:nodes'], dnsNames: [] as string[], ipAddresses: [] as string[] };
const client = (signer: string, extra: Partial<CertificateSigningRequestSpec> = {}): CertificateSigningRequestSpec => ({
  request: '',
  signerName: `kubernetes.io/${signer}`,
  usages: ['client auth', 'digital signature'],
  ...extra,
});

describe('certificate requests', () => {
  test('a client gets a client certificate', () =>
    assert.deepEqual(judgeRequest(client('kube-apiserver-client'), { ...node, organizations: ['dev'] }), {
      kind: 'sign',
      usages: ['client'],
    }));
  test('nobody becomes system:masters', () =>
    assert.equal(judgeRequest(client('kube-apiserver-client'), { ...node, organizations: ['system:masters'] }).kind, 'refuse'));
  test('a client certificate cannot serve', () =>
    assert.equal(judgeRequest(client('kube-apiserver-client', { usages: ['client auth', 'server auth'] }), node).kind, 'refuse'));
  test('a node serves under its own name only', () => {
    const spec = client('kubelet-serving', { usages: ['server auth'], username: 'system:node:n1' });
    const named = { ...node, ipAddresses: ['10.0.0.1'] };
    assert.deepEqual(judgeRequest(spec, named), { kind: 'sign', usages: ['server'] });
    assert.equal(judgeRequest({ ...spec, username: 'system:node:n2' }, named).kind, 'refuse');
    assert.equal(judgeRequest(spec, node).kind, 'refuse');
  });
  test('signers of others are left to them', () =>
    assert.equal(judgeRequest(client('x', { signerName: 'example.com/x' }), node).kind, 'leave'));
  test('only a node that asks for itself is approved by itself', () => {
    const spec = client('kube-apiserver-client-kubelet', { username: 'system:node:n1', groups: ['system:nodes'] });
    assert.equal(isSelfRenewal(spec, node), true);
    assert.equal(isSelfRenewal({ ...spec, username: 'system:node:n2' }, node), false);
    assert.equal(isSelfRenewal({ ...spec, groups: [] }, node), false);
  });
});

describe('serving certificates of nodes', () => {
  const nodeOf = (name: string, ...addresses: string[]) => ({
    metadata: { name },
    status: { addresses: [...addresses.map((address) => ({ type: 'InternalIP', address })), { type: 'Hostname', address: 'kubernetes' }] },
  });
  const world = { nodes: [nodeOf('n1', '10.0.0.1', '10.96.0.1', '127.0.0.1'), nodeOf('n2', '10.0.0.2')], serviceCidr: '10.96.0.0/16' };
  const spec = client('kubelet-serving', { usages: ['server auth'], username: 'system:node:n1', groups: ['system:nodes'] });
  const names = (...ipAddresses: string[]) => ({ ...node, dnsNames: ['n1'], ipAddresses });
  const allowed = (subject: typeof node, change: Partial<CertificateSigningRequestSpec> = {}): boolean =>
    mayServe({ ...spec, ...change }, subject, world);

  test('the own name and address are granted', () => assert.equal(allowed(names('10.0.0.1')), true));
  test('an address that the Node does not have is not', () => assert.equal(allowed(names('10.0.0.9')), false));
  test('nor one of another node, whatever the own Node claims', () =>
    assert.equal(mayServe(spec, names('10.0.0.2'), { ...world, nodes: [nodeOf('n1', '10.0.0.2'), nodeOf('n2', '10.0.0.2')] }), false));
  test('nor the address of a Service, nor loopback', () =>
    assert.deepEqual(
      ['10.96.0.1', '127.0.0.1'].map((address) => allowed(names(address))),
      [false, false],
    ));
  test('nor the name of the API server, though the Node says it is called so', () => {
    assert.equal(allowed({ ...names('10.0.0.1'), dnsNames: ['kubernetes'] }), false);
    const impostor = { ...node, commonName: 'system:node:kubernetes', dnsNames: ['kubernetes'] };
    assert.equal(mayServe({ ...spec, username: 'system:node:kubernetes' }, impostor, { ...world, nodes: [nodeOf('kubernetes')] }), false);
  });
  test('who is no node, or another one, gets none', () => {
    assert.equal(allowed(names('10.0.0.1'), { groups: [] }), false);
    assert.equal(allowed(names('10.0.0.1'), { username: 'system:node:n2' }), false);
    assert.equal(mayServe(spec, names('10.0.0.1'), { ...world, nodes: [] }), false);
  });
});
