/**
 * Takes secrets out of what goes into a support bundle. Three nets, one under the other: fields of objects that hold secrets by their meaning,
 * words that look like secrets wherever they stand, and the values that this cluster is known to keep secret, to the letter.
 */
export const REDACTED = '[removed]';

const SECRET_NAME =
  /pass(?:word|wd|phrase|code)?(?:$|[^a-z])|passw|secret|token|credential|api[-_.]?key|access[-_.]?key|private[-_.]?key|client[-_.]?key[-_.]?data|auth(?:orization)?(?:$|[-_.])|\bpwd\b|bearer|cookie|\bdsn\b|connection[-_.]?string/i;
/** They only point at a secret, or say how long one lasts. */
const POINTER =
  /(?:name|ref|path|file|keyref|mount|type|seconds|time|namespace|count|limit|controller|class|resource|policy|enabled|audience|uid|version|id)s?$/i;

/** Whether the value under such a name is to be removed. */
export const isSecretName = (name: string): boolean =>
  SECRET_NAME.test(name) && (!POINTER.test(name) || /access[-_]?key[-_]?id$/i.test(name));

const PATTERNS: readonly [pattern: RegExp, instead: string][] = [
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g, REDACTED],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g, REDACTED],
  [/\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}\b/g, REDACTED],
  [/\b(?:gh[pousr]_[A-Za-z0-9]{20,}|glpat-[\w-]{16,}|xox[abpr]-[\w-]{10,}|sk-[A-Za-z0-9_-]{20,}|npm_[A-Za-z0-9]{30,})/g, REDACTED],
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@:"']*:[^\s/@"']+@/gi, `$1${REDACTED}@`],
  [/\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi, `$1 ${REDACTED}`],
  // Bootstrap tokens: the part before the dot is public, and is shown.
  [/\b([a-z0-9]{6})\.[a-z0-9]{16}\b/g, `$1.${REDACTED}`],
];

/** `password=x`, `"token": "x"`, `--api-key x`; the name stays. */
const ASSIGNMENT =
  /((?:^|[\s,;&?{"'`(\\-])([A-Za-z][\w.-]*)\\?["']?\s*(?:[=:]|=>)\s*\\?)(?:"([^"\\]*(?:\\.[^"\\]*)*)"|'([^']*)'|([^\s,;&"'`})\\]+))/g;
const FLAG = /((?:^|\s)--?([A-Za-z][\w-]*)\s+)([^\s-][^\s]*)/g;
const BASE64_PEM = /LS0tLS1CRUdJTi[A-Za-z0-9+/]{20,}={0,2}/g;
/** An AWS secret key has 40 characters of base64 and nothing to know it by but its disorder. Digests are in hexadecimal. */
const FORTY = /(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])/g;

export const redactText = (text: string, known: readonly string[] = []): string => {
  let result = text;
  for (const value of known) if (result.includes(value)) result = result.replaceAll(value, REDACTED);
  for (const [pattern, instead] of PATTERNS) result = result.replace(pattern, instead);
  result = result.replace(BASE64_PEM, (word) => (Buffer.from(word, 'base64').includes('PRIVATE KEY') ? REDACTED : word));
  result = result.replace(FORTY, (word) => (/[a-z]/.test(word) && /[A-Z]/.test(word) && /\d/.test(word) ? REDACTED : word));
  result = result.replace(ASSIGNMENT, (whole, before: string, name: string, double?: string, single?: string, bare?: string) => {
    if (!isSecretName(name) || /^(true|false|null|\d{1,4})$/.test(bare ?? '')) return whole;
    const quote = double !== undefined ? '"' : single !== undefined ? "'" : '';
    return `${before}${quote}${REDACTED}${quote}`;
  });
  return result.replace(FLAG, (whole, before: string, name: string) => (isSecretName(name) ? `${before}${REDACTED}` : whole));
};

/** An object of the API, or any JSON, without the values that are secret by their meaning. */
export const redactObject = (value: unknown): unknown => {
  if (Array.isArray(value)) return redactList(value);
  if (typeof value !== 'object' || value === null) return value;
  const object = value as Record<string, unknown>;
  const isSecret = object['kind'] === 'Secret';
  return Object.fromEntries(
    Object.entries(object).map(([name, inner]) => {
      if (isSecret && (name === 'data' || name === 'stringData')) return [name, withoutValues(inner)];
      // A copy of the whole object as it was applied.
      if (name === 'kubectl.kubernetes.io/last-applied-configuration') return [name, REDACTED];
      // `{ name: PASSWORD, value: x }` of an environment.
      if (name === 'value' && typeof object['name'] === 'string' && isSecretName(object['name'])) return [name, REDACTED];
      if (typeof inner === 'string' && isSecretName(name)) return [name, REDACTED];
      return [name, redactObject(inner)];
    }),
  );
};

/** `['--password', 'x']`. */
const redactList = (list: readonly unknown[]): unknown[] =>
  list.map((item, index) => {
    const before = list[index - 1];
    const follows = typeof before === 'string' && /^--?[A-Za-z][\w-]*$/.test(before) && isSecretName(before.replace(/^-+/, ''));
    return follows && typeof item === 'string' && !item.startsWith('-') ? REDACTED : redactObject(item);
  });

/** Which keys there are, and how long each value is, often tells what is wrong. */
const withoutValues = (data: unknown): unknown =>
  Object.fromEntries(
    Object.entries((data ?? {}) as Record<string, string>).map(([key, value]) => [key, `${REDACTED} (${String(value).length} characters)`]),
  );
