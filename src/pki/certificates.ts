import 'reflect-metadata';
import { createPublicKey, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

/** A certificate and its private key (PKCS #8), as PEM text. All keys are P-256. */
export interface KeyPair {
  certPem: string;
  keyPem: string;
}

export interface AuthorityOptions {
  commonName: string;
  years: number;
  now?: Date;
}

export interface CertificateOptions {
  /** The user name that Kubernetes reads, or the name of a server. */
  commonName: string;
  /** One `O` each: the groups that Kubernetes reads. */
  organizations?: readonly string[];
  dnsNames?: readonly string[];
  /** IPv4 or IPv6. */
  ipAddresses?: readonly string[];
  usages: readonly CertificateUsage[];
  days: number;
  now?: Date;
}

export type CertificateUsage = 'client' | 'server';

/** What a certificate says about itself. Names are in the order of the certificate. */
export interface CertificateInfo {
  commonName: string;
  organizations: string[];
  dnsNames: string[];
  ipAddresses: string[];
  notBefore: Date;
  notAfter: Date;
  isAuthority: boolean;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** Clocks of nodes may be a little behind ours. */
const BACKDATED_MS = 5 * 60_000;
const DAY_MS = 86_400_000;
/** Certificates of a shorter life begin now: their renewal is reckoned from their beginning. Upstream's signer draws the line here too. */
const SHORT_MS = 8 * 3_600_000;

x509.cryptoProvider.set(webcrypto as never);

/** A new self-signed authority that can sign leaf certificates only. */
export const createAuthority = async (options: AuthorityOptions): Promise<KeyPair> => {
  const keys = await generateKeys();
  const now = options.now ?? new Date();
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerialNumber(),
    name: subjectOf(options.commonName, []),
    notBefore: new Date(now.getTime() - BACKDATED_MS),
    notAfter: new Date(now.getTime() + options.years * 365 * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: withNewline(cert.toString('pem')), keyPem: await exportKey(keys.privateKey) };
};

/** A certificate with a key of its own, signed by `authority`. It never outlives the authority. */
export const issueCertificate = async (authority: KeyPair, options: CertificateOptions): Promise<KeyPair> => {
  const keys = await generateKeys();
  const certPem = await signCertificate(authority, keys.publicKey, options);
  return { certPem, keyPem: await exportKey(keys.privateKey) };
};

/**
 * Signs the public key of a certificate request (PEM). Names and usages come from `options`, never from the request: who calls this has
 * read the request with `readCertificateRequest` and decided. Throws when the request is malformed or not signed by its own key.
 */
export const signCertificateRequest = async (authority: KeyPair, csrPem: string, options: CertificateOptions): Promise<string> => {
  const request = new x509.Pkcs10CertificateRequest(csrPem);
  if (!(await request.verify())) throw new Error('the certificate request is not signed by its own key');
  return signCertificate(authority, request.publicKey, options);
};

/** What a certificate request (PEM) asks for. Throws when it is malformed. */
export const readCertificateRequest = (
  csrPem: string,
): Pick<CertificateInfo, 'commonName' | 'organizations' | 'dnsNames' | 'ipAddresses'> => {
  const request = new x509.Pkcs10CertificateRequest(csrPem);
  return { ...subjectParts(request.subjectName), ...alternativeNames(request.extensions) };
};

/** A new key, and the request (PEM) that goes with it. */
export const createCertificateRequest = async (
  subject: Pick<CertificateOptions, 'commonName' | 'organizations' | 'dnsNames' | 'ipAddresses'>,
): Promise<{ requestPem: string; keyPem: string }> => {
  const keys = await generateKeys();
  const names = generalNames(subject);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subjectOf(subject.commonName, subject.organizations ?? []),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: names.length ? [new x509.SubjectAlternativeNameExtension(names)] : [],
  });
  return { requestPem: withNewline(request.toString('pem')), keyPem: await exportKey(keys.privateKey) };
};

/** Reads the first certificate of a PEM text. Throws when there is none. */
export const readCertificate = (certPem: string): CertificateInfo => {
  const cert = new x509.X509Certificate(certPem);
  return {
    ...subjectParts(cert.subjectName),
    ...alternativeNames(cert.extensions),
    notBefore: cert.notBefore,
    notAfter: cert.notAfter,
    isAuthority: cert.getExtension(x509.BasicConstraintsExtension)?.ca ?? false,
  };
};

/** A P-256 key pair without a certificate (PEM: PKCS #8 and SPKI): what service-account tokens are signed with. */
export const createSigningKey = async (): Promise<{ keyPem: string; publicKeyPem: string }> => {
  const keyPem = await exportKey((await generateKeys()).privateKey);
  return { keyPem, publicKeyPem: createPublicKey(keyPem).export({ type: 'spki', format: 'pem' }).toString() };
};

const signCertificate = async (authority: KeyPair, publicKey: x509.PublicKeyType, options: CertificateOptions): Promise<string> => {
  const issuer = new x509.X509Certificate(authority.certPem);
  const signingKey = await importKey(authority.keyPem);
  const now = options.now ?? new Date();
  const lifeMs = options.days * DAY_MS;
  const wantedEnd = now.getTime() + lifeMs;
  const names = generalNames(options);
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: subjectOf(options.commonName, options.organizations ?? []),
    issuer: issuer.subjectName,
    notBefore: new Date(now.getTime() - (lifeMs < SHORT_MS ? 0 : BACKDATED_MS)),
    notAfter: new Date(Math.min(wantedEnd, issuer.notAfter.getTime())),
    signingAlgorithm: ALGORITHM,
    publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(options.usages.map((usage) => x509.ExtendedKeyUsage[`${usage}Auth`])),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...(names.length ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  });
  return withNewline(cert.toString('pem'));
};

/** Common name last, each organisation in a set of its own, as OpenSSL and Go write it. */
const subjectOf = (commonName: string, organizations: readonly string[]): x509.Name =>
  new x509.Name([...organizations.map((name) => ({ O: [name] })), { CN: [commonName] }]);

const subjectParts = (name: x509.Name): { commonName: string; organizations: string[] } => ({
  commonName: name.getField('CN')[0] ?? '',
  organizations: name.getField('O'),
});

const alternativeNames = (extensions: readonly x509.Extension[]): { dnsNames: string[]; ipAddresses: string[] } => {
  const names = extensions.find((extension) => extension instanceof x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  const ofType = (type: string): string[] => names.filter((name) => name.type === type).map((name) => name.value);
  return { dnsNames: ofType('dns'), ipAddresses: ofType('ip') };
};

const generalNames = (names: Pick<CertificateOptions, 'dnsNames' | 'ipAddresses'>): x509.JsonGeneralNames => [
  ...(names.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
  ...(names.ipAddresses ?? []).map((value) => ({ type: 'ip' as const, value: checkedAddress(value) })),
];

const checkedAddress = (address: string): string => {
  if (isIP(address) === 0) throw new Error(`not an IP address: ${address}`);
  return address;
};

const generateKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;

/** Positive and without a leading zero byte: 127 random bits. */
const newSerialNumber = (): string => {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
};

const exportKey = async (key: webcrypto.CryptoKey): Promise<string> =>
  withNewline(x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY'));

const importKey = (keyPem: string): Promise<webcrypto.CryptoKey> =>
  webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(keyPem), ALGORITHM, false, ['sign']);

const withNewline = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`);
