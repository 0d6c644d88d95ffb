/** Checks of names, labels and the like. Each answers with the problems in kube-apiserver's words; none means valid. */

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const DNS_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED_NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const PORT_NAME = /^[-a-z0-9]+$/;
const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/;

const regexMessage = (message: string, pattern: string, ...examples: string[]): string =>
  // The doubled separator is upstream's.
  `${message} (e.g. ${examples.map((example) => `'${example}', `).join(' or ')}regex used for validation is '${pattern}')`;

export const tooLongMessage = (limit: number): string => `must be no more than ${limit} characters`;
export const bytesMessage = (limit: number): string => `must be no more than ${limit} bytes`;

const DNS_LABEL_MESSAGE = regexMessage(
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  '[a-z0-9]([-a-z0-9]*[a-z0-9])?',
  'my-name',
  '123-abc',
);
const DNS_SUBDOMAIN_MESSAGE = regexMessage(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*',
  'example.com',
);
const DNS_1035_MESSAGE = regexMessage(
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  '[a-z]([-a-z0-9]*[a-z0-9])?',
  'my-name',
  'abc-123',
);
const QUALIFIED_NAME_MESSAGE = regexMessage(
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]',
  'MyName',
  'my.name',
  '123-abc',
);
const TWO_SLASHES_MESSAGE = `${QUALIFIED_NAME_MESSAGE.replace('name part', 'a valid label key')} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`;
const LABEL_VALUE_MESSAGE = regexMessage(
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?',
  'MyValue',
  'my_value',
  '12345',
);

/** Valid texts come again and again; what is known to be good is not looked at twice. Emptied when full. */
const memoized = (check: (text: string) => readonly string[]): ((text: string) => readonly string[]) => {
  const good = new Set<string>();
  return (text) => {
    if (good.has(text)) return NONE;
    const problems = check(text);
    if (problems.length > 0) return problems;
    if (good.size >= 4096) good.clear();
    good.add(text);
    return NONE;
  };
};

const NONE: readonly string[] = Object.freeze([]);

const checkWith =
  (pattern: RegExp, message: string, limit: number, limitMessage: (limit: number) => string = tooLongMessage) =>
  (text: string): readonly string[] => {
    if (text.length <= limit && pattern.test(text)) return NONE;
    return [...(text.length > limit ? [limitMessage(limit)] : []), ...(pattern.test(text) ? [] : [message])];
  };

export const dnsLabelProblems = checkWith(DNS_LABEL, DNS_LABEL_MESSAGE, 63);
export const dnsSubdomainProblems = checkWith(DNS_SUBDOMAIN, DNS_SUBDOMAIN_MESSAGE, 253);
export const dns1035Problems = checkWith(DNS_1035, DNS_1035_MESSAGE, 63);

export const wildcardDnsSubdomainProblems = checkWith(
  /^\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
  regexMessage(
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
    '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*',
    '*.example.com',
  ),
  253,
);

/** Names of RBAC objects and the like: anything that can stand in a path. */
export const pathSegmentProblems = (name: string): readonly string[] => {
  if (name === '.' || name === '..') return [`may not be '${name}'`];
  const found = ['/', '%'].filter((part) => name.includes(part));
  return found.map((part) => `may not contain '${part}'`);
};

const qualifiedName = (text: string): readonly string[] => {
  const problems: string[] = [];
  const parts = text.split('/');
  let name = text;
  if (parts.length === 2) {
    const prefix = parts[0] as string;
    name = parts[1] as string;
    if (prefix === '') problems.push('prefix part must be non-empty');
    else problems.push(...dnsSubdomainProblems(prefix).map((problem) => `prefix part ${problem}`));
  } else if (parts.length > 2) return [TWO_SLASHES_MESSAGE];
  if (name === '') problems.push('name part must be non-empty');
  else if (name.length > 63) problems.push(`name part ${bytesMessage(63)}`);
  if (!QUALIFIED_NAME.test(name)) problems.push(QUALIFIED_NAME_MESSAGE);
  return problems;
};

/** `example.com/MyName`: label and annotation keys, resource names, finalizers. */
export const qualifiedNameProblems = memoized(qualifiedName);
export const labelKeyProblems = (key: string): readonly string[] => qualifiedNameProblems(key);
export const labelValueProblems = memoized(checkWith(LABEL_VALUE, LABEL_VALUE_MESSAGE, 63, bytesMessage));

export const portNameProblems = (name: string): readonly string[] => {
  const problems: string[] = [];
  if (name.length > 15) problems.push(tooLongMessage(15));
  if (!PORT_NAME.test(name)) problems.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(name)) problems.push('must contain at least one letter (a-z)');
  if (name.includes('--')) problems.push('must not contain consecutive hyphens');
  if (name.startsWith('-') || name.endsWith('-')) problems.push('must not begin or end with a hyphen');
  return problems;
};

export const portNumberProblems = (port: unknown): readonly string[] =>
  typeof port === 'number' && port >= 1 && port <= 65535 ? NONE : ['must be between 1 and 65535, inclusive'];

export const configKeyProblems = (key: string): readonly string[] => {
  const problems: string[] = [];
  if (key.length > 253) problems.push(tooLongMessage(253));
  if (!CONFIG_KEY.test(key))
    problems.push(
      regexMessage(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        '[-._a-zA-Z0-9]+',
        'key.name',
        'KEY_NAME',
        'key-name',
      ),
    );
  if (key === '.') problems.push("must not be '.'");
  else if (key === '..') problems.push("must not be '..'");
  else if (key.startsWith('..')) problems.push("must not start with '..'");
  return problems;
};

/** What `generateName` leads to is checked as if it ended well. */
export const maskTrailingDash = (name: string): string => (name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name);

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const MAX_GENERATED = 63;

/** `web-` -> `web-x7k2p`. `random` answers with a number in [0, 1). */
export const generatedName = (prefix: string, random: () => number): string => {
  let suffix = '';
  for (let index = 0; index < 5; index++) suffix += ALPHABET[Math.floor(random() * ALPHABET.length)];
  return prefix.slice(0, MAX_GENERATED - 5) + suffix;
};
