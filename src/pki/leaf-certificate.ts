import { createPrivateKey, X509Certificate } from 'node:crypto';

/**
 * What has to be known of certificates all the time, by node's own reader: the library that makes certificates is loaded only where one is made.
 */
export interface LeafCertificate {
  notBefore: Date;
  notAfter: Date;
  dnsNames: string[];
  ipAddresses: string[];
}

/** The first certificate of a PEM text. Throws when there is none. */
export const readLeaf = (certPem: string): LeafCertificate => {
  const cert = new X509Certificate(certPem);
  const names = (cert.subjectAltName ?? '').split(', ').filter(Boolean);
  const ofType = (prefix: string): string[] => names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  return {
    notBefore: new Date(cert.validFrom),
    notAfter: new Date(cert.validTo),
    dnsNames: ofType('DNS:'),
    ipAddresses: ofType('IP Address:'),
  };
};

/** When a certificate is to be renewed: at 70 to 90 % of its life, so that many made together are not renewed together. `random` is in [0, 1). */
export const renewalTime = ({ notBefore, notAfter }: Pick<LeafCertificate, 'notBefore' | 'notAfter'>, random: number): number =>
  notBefore.getTime() + (notAfter.getTime() - notBefore.getTime()) * (0.7 + 0.2 * random);

/** Whether a certificate has all these names. */
export const namesAll = (
  found: Pick<LeafCertificate, 'dnsNames' | 'ipAddresses'>,
  wanted: { dnsNames?: readonly string[] | undefined; ipAddresses?: readonly string[] | undefined },
): boolean =>
  (wanted.dnsNames ?? []).every((name) => found.dnsNames.includes(name)) &&
  (wanted.ipAddresses ?? []).every((address) => found.ipAddresses.includes(address));

/** The single certificates of a bundle, in its order. */
export const certificatesIn = (bundlePem: string): string[] =>
  (bundlePem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []).map((text) => `${text}\n`);

/** Of a bundle of authorities, the one whose key this is: it signs, the others are only trusted. Undefined when there is none. */
export const authorityOf = (bundlePem: string, keyPem: string): string | undefined => {
  const key = createPrivateKey(keyPem);
  return certificatesIn(bundlePem).find((certPem) => new X509Certificate(certPem).checkPrivateKey(key));
};

/** Whether one of the bundle's authorities has signed the certificate. Says nothing of its times. */
export const isSignedBy = (certPem: string, bundlePem: string): boolean => {
  const cert = new X509Certificate(certPem);
  return certificatesIn(bundlePem).some((authority) => cert.verify(new X509Certificate(authority).publicKey));
};
