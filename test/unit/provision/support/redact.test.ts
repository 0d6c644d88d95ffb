import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { isSecretName, redactObject, redactText } from '../../../../src/provision/support/redact.ts';

const { privateKey } = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const JWT = 'eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJlc2lnbmF0dXJl';

/** Text with a secret, and the secret. */
const SECRETS: readonly [text: string, secret: string][] = [
  [`key:\n${privateKey}after`, privateKey.split('\n')[1] as string],
  [JSON.stringify({ k: privateKey }), privateKey.split('\n')[1] as string],
  [`client-key-data: ${Buffer.from(privateKey).toString('base64')}`, Buffer.from(privateKey).toString('base64').slice(0, 60)],
  [`{"other":"${Buffer.from(privateKey).toString('base64')}"}`, Buffer.from(privateKey).toString('base64').slice(0, 60)],
  [`-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----`, 'b3BlbnNzaC1rZXktdjEAAAAA'],
  ['-----BEGIN RSA PRIVATE KEY-----\nMIIEcut-off-by-the-limit', 'MIIEcut'],
  [`Authorization: Bearer ${JWT}`, JWT],
  [`{"msg":"token is ${JWT}"}`, 'c2lnbmF0dXJl'],
  ['Authorization: Basic dXNlcjpwYXNzd29yZA==', 'dXNlcjpwYXNz'],
  ['AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE', 'AKIAIOSFODNN7EXAMPLE'],
  ['AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', 'wJalrXUtnFEMI'],
  ['the key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKE1 was used', 'wJalrXUtnFEMI'],
  ['postgres://app:hunter2@db.example:5432/app', 'hunter2'],
  ['dial https://:s3cr3tpw@registry.example/v2', 's3cr3tpw'],
  ['--password=hunter2 --port=1', 'hunter2'],
  ['mysql --password hunter2', 'hunter2'],
  ['{"db_password": "hun\\"ter2"}', 'ter2'],
  ["password: 'hunter2 with spaces'", 'hunter2'],
  ['x-api-key: abcdef', 'abcdef'],
  ['join token abcdef.0123456789abcdef', '0123456789abcdef'],
  ['ghp_abcdefghijklmnopqrstuvwxyz0123456789', 'ghp_abc'],
  ['{"SECRET_TOKEN":"x1"}', 'x1'],
];

for (const [text, secret] of SECRETS)
  test(`removed: ${text.slice(0, 50).replaceAll('\n', ' ')}`, () => {
    assert.ok(text.includes(secret), 'the row itself is right');
    const shown = redactText(text);
    assert.ok(!shown.includes(secret), shown);
    assert.match(shown, /\[removed\]/);
  });

const HARMLESS = [
  'secretName: web-tls',
  '"automountServiceAccountToken":true',
  '"serviceAccountName":"default"',
  '"tokenExpirationSeconds": 3600',
  'sha256:4c2c00752cb83bff479951852ec8d6c2469891844c2c00752cb83bff47995185',
  'commit 4c2c00752cb83bff479951852ec8d6c246989184',
  'image: registry.example/team/web:1.2.3',
  'uid 8b1a9953-c461-4b6e-8d0a-1b2c3d4e5f60',
  '10.244.1.7:8080 -> 10.96.0.10:53',
  'I1128 agent: pod default/web is Running',
];
for (const text of HARMLESS) test(`kept: ${text}`, () => assert.equal(redactText(text), text));

test('what the cluster is known to keep secret goes to the letter, wherever it stands', () => {
  assert.equal(redactText('said: correct horse battery staple!', ['correct horse battery staple']), 'said: [removed]!');
});

test('objects: data of Secrets, environments, arguments, copies of what was applied', () => {
  const shown = JSON.stringify(
    redactObject({
      items: [
        {
          kind: 'Secret',
          metadata: { name: 'db', annotations: { 'kubectl.kubernetes.io/last-applied-configuration': 'APPLIED' } },
          data: { password: 'QUJDREVGRw==' },
        },
        {
          kind: 'Pod',
          spec: {
            containers: [
              {
                env: [
                  { name: 'DB_PASSWORD', value: 'PLAIN' },
                  { name: 'PORT', value: '80' },
                  { name: 'API_TOKEN', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } },
                ],
                args: ['--api-key', 'ARGUMENT', '--verbose', '--port', '80'],
              },
            ],
            imagePullSecrets: [{ name: 'pull' }],
          },
        },
      ],
    }),
  );
  for (const secret of ['QUJDREVGRw==', 'PLAIN', 'ARGUMENT', 'APPLIED']) assert.ok(!shown.includes(secret), secret);
  for (const kept of [
    '"password":"[removed] (12 characters)"',
    '"PORT","value":"80"',
    '"key":"password"',
    '"name":"pull"',
    '--verbose',
    '"--port","80"',
  ])
    assert.ok(shown.includes(kept), `${kept} in ${shown}`);
});

test('names', () => {
  for (const name of [
    'password',
    'DB_PASSWD',
    'token',
    'clientSecret',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_ACCESS_KEY_ID',
    'apiKey',
    'private_key',
    'credentials',
  ])
    assert.ok(isSecretName(name), name);
  for (const name of [
    'secretName',
    'tokenPath',
    'key',
    'keys',
    'author',
    'passes',
    'secretKeyRef',
    'tokenExpirationSeconds',
    'certificate',
  ])
    assert.ok(!isSecretName(name), name);
});
