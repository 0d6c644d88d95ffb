import type { KubeObject } from '../../api/meta/object.ts';
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.ts';
import type { AdmissionPlugin } from './admission.ts';

/** A request for a certificate says who asked, and only the server knows: signers go by it. */
export const createCertificateRequester = (): AdmissionPlugin => ({
  name: 'CertificateRequester',
  resources: ['certificates.k8s.io/certificatesigningrequests'],
  admit({ operation, subresource, object, user }) {
    if (operation !== 'CREATE' || subresource !== '' || !object) return;
    const request = object as KubeObject & CertificateSigningRequest;
    const { username: _username, uid: _uid, groups: _groups, extra: _extra, ...spec } = request.spec ?? {};
    const extra = Object.entries(user.extra ?? {}).map(([name, values]) => [name, [...values]] as const);
    request.spec = {
      ...spec,
      username: user.name,
      ...(user.uid ? { uid: user.uid } : {}),
      ...(user.groups?.length ? { groups: [...user.groups] } : {}),
      ...(extra.length > 0 ? { extra: Object.fromEntries(extra) } : {}),
    } as CertificateSigningRequest['spec'];
  },
});
