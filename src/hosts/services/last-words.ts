/**
 * What of a service's log goes into an error: the newest `count` lines, each once however often it was said, and those of our own programs (JSON) as
 * sentences. Newest last.
 */
export const lastWords = (lines: readonly string[], count: number): string[] => {
  const said = new Set<string>();
  for (const line of lines.toReversed()) {
    said.add(sentenceOf(line));
    if (said.size === count) break;
  }
  return [...said].reverse();
};

/** `error: cannot open the store: EEXIST (path /x)`. Times are left out: what differs in nothing else is the same. */
const sentenceOf = (line: string): string => {
  const logged = parse(line);
  if (!logged) return line.replace(/^time="[^"]*" /, '');
  const { time: _, level, message, error, ...more } = logged;
  const reason = (error as { message?: unknown } | undefined)?.message;
  const fields = Object.entries(more).flatMap(([name, value]) => (isPlain(value) ? [`${name} ${value}`] : []));
  return `${level}: ${message}${reason === undefined ? '' : `: ${reason}`}${fields.length ? ` (${fields.join(', ')})` : ''}`;
};

const isPlain = (value: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof value);

const parse = (line: string): Record<string, unknown> | undefined => {
  if (!line.startsWith('{')) return undefined;
  try {
    const value = JSON.parse(line) as Record<string, unknown>;
    return typeof value['message'] === 'string' && typeof value['level'] === 'string' ? value : undefined;
  } catch {
    return undefined; // A line of another program that begins alike.
  }
};
