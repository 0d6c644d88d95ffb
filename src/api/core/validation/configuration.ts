/** ConfigMaps and Secrets: keys, sizes, types, immutability. */
import { as } from '../../meta/columns.ts';
import { deepEqual } from '../../meta/equality.ts';
import { type FieldError, forbidden, invalid, required } from '../../meta/field-error.ts';
import { configKeyProblems } from '../../meta/names.ts';
import type { KubeObject } from '../../meta/object.ts';
import type { ConfigMap, Secret } from '../../types/core-v1.ts';

const MAX_BYTES = 1024 * 1024;
const TOO_LONG = { type: 'FieldValueTooLong', message: `Too long: may not be more than ${MAX_BYTES} bytes` } as const;

const checkKeys = (errors: FieldError[], field: string, data: Readonly<Record<string, string>>): void => {
  for (const key in data) for (const problem of configKeyProblems(key)) errors.push(invalid(`${field}[${key}]`, key, problem));
};

const bytesOf = (encoded: string): number => Math.floor((encoded.replace(/=+$/, '').length * 3) / 4);

export const validateConfigMap = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const { data = {}, binaryData = {} } = as<ConfigMap>(object);
  checkKeys(errors, 'data', data);
  let size = 0;
  for (const key in data) {
    if (Object.hasOwn(binaryData, key)) errors.push(invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'));
    size += Buffer.byteLength(data[key] as string);
  }
  checkKeys(errors, 'binaryData', binaryData);
  for (const key in binaryData) size += bytesOf(binaryData[key] as string);
  if (size > MAX_BYTES) errors.push({ ...TOO_LONG, field: '' });
  return errors;
};

const IMMUTABLE = 'field is immutable when `immutable` is set';

const checkImmutable = (errors: FieldError[], object: KubeObject, old: KubeObject, fields: readonly string[]): void => {
  if (!old['immutable']) return;
  if (!object['immutable']) errors.push(forbidden('immutable', IMMUTABLE));
  for (const field of fields) if (!deepEqual(object[field] ?? {}, old[field] ?? {})) errors.push(forbidden(field, IMMUTABLE));
};

export const validateConfigMapUpdate = (object: KubeObject, old: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  checkImmutable(errors, object, old, ['data', 'binaryData']);
  return [...errors, ...validateConfigMap(object)];
};

const SERVICE_ACCOUNT = 'kubernetes.io/service-account.name';

/** Keys that a type of secret must have; of several in one entry any will do. */
const REQUIRED_KEYS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

export const validateSecret = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const { metadata, type = '', data = {} } = as<Secret>(object);
  let size = 0;
  checkKeys(errors, 'data', data);
  for (const key in data) size += bytesOf(data[key] as string);
  if (size > MAX_BYTES) errors.push({ ...TOO_LONG, field: 'data' });
  if (type === 'kubernetes.io/service-account-token' && !metadata.annotations?.[SERVICE_ACCOUNT])
    errors.push(required(`metadata.annotations[${SERVICE_ACCOUNT}]`));
  for (const key of REQUIRED_KEYS[type] ?? []) {
    const value = data[key];
    if (value === undefined) errors.push(required(`data[${key}]`));
    else if (key.startsWith('.docker')) checkDockerConfig(errors, key, value);
  }
  if (type === 'kubernetes.io/basic-auth' && data['username'] === undefined && data['password'] === undefined) {
    errors.push(required('data[username]'), required('data[password]'));
  }
  return errors;
};

const checkDockerConfig = (errors: FieldError[], key: string, value: string): void => {
  try {
    JSON.parse(Buffer.from(value, 'base64').toString());
  } catch {
    // What the text lacks to be JSON is said in Go's words for the usual case.
    errors.push(invalid(`data[${key}]`, '<secret contents redacted>', "invalid character 'x' looking for beginning of value"));
  }
};

export const validateSecretUpdate = (object: KubeObject, old: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const [secret, before] = [as<Secret>(object), as<Secret>(old)];
  if (secret.type !== before.type) errors.push(invalid('type', secret.type, 'field is immutable'));
  checkImmutable(errors, object, old, ['data']);
  return [...errors, ...validateSecret(object)];
};
