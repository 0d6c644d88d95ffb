import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CertificateSigningRequestSpec } from '../../../src/api/types/certificates-v1.ts';
import { isSelfRenewal, judgeRequest } from '../../../src/controllers/certificates/certificates-decide.ts';

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
