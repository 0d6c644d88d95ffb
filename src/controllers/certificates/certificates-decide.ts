import { BlockList, isIP } from 'node:net';
import type { Stored } from '../../api/meta/object.ts';
import type { CertificateSigningRequestSpec } from '../../api/types/certificates-v1.ts';
import type { Node } from '../../api/types/core-v1.ts';
import type { CertificateSubject } from '../controller.ts';

export type RequestVerdict = { kind: 'leave' } | { kind: 'refuse'; why: string } | { kind: 'sign'; usages: ('client' | 'server')[] };

const CLIENT = 'kubernetes.io/kube-apiserver-client';
const KUBELET_CLIENT = 'kubernetes.io/kube-apiserver-client-kubelet';
const KUBELET_SERVING = 'kubernetes.io/kubelet-serving';

/** What an approved request gets, by the rules of its signer. Signers that are not ours are left to others. */
export const judgeRequest = (spec: CertificateSigningRequestSpec, subject: CertificateSubject): RequestVerdict => {
  const usages = new Set(spec.usages ?? []);
  const hasNames = subject.dnsNames.length + subject.ipAddresses.length > 0;
  const only = (...allowed: string[]): boolean => [...usages].every((usage) => allowed.includes(usage));
  switch (spec.signerName) {
    case CLIENT:
      if (subject.organizations.includes('system:masters')) return { kind: 'refuse', why: 'system:masters is not given to anybody' };
      if (!usages.has('client auth') || !only('digital signature', 'key encipherment', 'client auth'))
        return { kind: 'refuse', why: 'usages must be those of a client' };
      return { kind: 'sign', usages: ['client'] };
    case KUBELET_CLIENT:
      if (!isNode(subject) || hasNames) return { kind: 'refuse', why: 'subject must be that of a node, without alternative names' };
      if (!usages.has('client auth') || !only('digital signature', 'key encipherment', 'client auth'))
        return { kind: 'refuse', why: 'usages must be those of a client' };
      return { kind: 'sign', usages: ['client'] };
    case KUBELET_SERVING:
      if (!isNode(subject) || !hasNames) return { kind: 'refuse', why: 'subject must be that of a node, with alternative names' };
      if (spec.username !== subject.commonName) return { kind: 'refuse', why: 'a node asks for itself only' };
      if (!usages.has('server auth') || !only('digital signature', 'key encipherment', 'server auth'))
        return { kind: 'refuse', why: 'usages must be those of a server' };
      return { kind: 'sign', usages: ['server'] };
    default:
      return { kind: 'leave' };
  }
};

/** A node that renews its own client certificate needs nobody's leave. */
export const isSelfRenewal = (spec: CertificateSigningRequestSpec, subject: CertificateSubject): boolean =>
  spec.signerName === KUBELET_CLIENT &&
  spec.username === subject.commonName &&
  (spec.groups ?? []).includes('system:nodes') &&
  judgeRequest(spec, subject).kind === 'sign';

/** Names that mean the API server to its clients. */
const RESERVED_NAMES = /^(localhost|kubernetes(\..*)?)$/;

/**
 * Whether a node may serve under the names that it asks for: its own name, and addresses that its Node has, no other Node has, and no
 * Service can have. A node writes its own addresses, so what others rely on must be out of its reach.
 */
export const mayServe = (
  spec: CertificateSigningRequestSpec,
  subject: CertificateSubject,
  world: { nodes: readonly Stored<Node>[]; serviceCidr: string | undefined },
): boolean => {
  if (spec.signerName !== KUBELET_SERVING || !(spec.groups ?? []).includes('system:nodes')) return false;
  if (judgeRequest(spec, subject).kind !== 'sign') return false;
  const name = subject.commonName.slice('system:node:'.length);
  const own = world.nodes.find(({ metadata }) => metadata.name === name);
  if (!own) return false;
  const addresses = addressesOf(own);
  const foreign = new Set(world.nodes.filter((node) => node !== own).flatMap(addressesOf));
  const services = rangeOf(world.serviceCidr);
  return (
    subject.dnsNames.every((dnsName) => dnsName === name && !RESERVED_NAMES.test(dnsName)) &&
    subject.ipAddresses.every(
      (address) =>
        addresses.includes(address) &&
        !foreign.has(address) &&
        !NEVER.check(address, familyOf(address)) &&
        !services.check(address, familyOf(address)),
    )
  );
};

const addressesOf = (node: Stored<Node>): string[] =>
  (node.status?.addresses ?? []).filter(({ type }) => type === 'InternalIP' || type === 'ExternalIP').map(({ address }) => address);

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

const rangeOf = (cidr: string | undefined): BlockList => {
  const list = new BlockList();
  const [base = '', bits = ''] = cidr?.split('/') ?? [];
  if (isIP(base)) list.addSubnet(base, Number(bits), familyOf(base));
  return list;
};

const NEVER = rangeOf('127.0.0.0/8');
NEVER.addAddress('::1', 'ipv6');

const isNode = ({ commonName, organizations }: CertificateSubject): boolean =>
  commonName.startsWith('system:node:') && organizations.length === 1 && organizations[0] === 'system:nodes';
