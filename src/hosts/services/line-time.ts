/** Seconds since the epoch at which a line was logged, as our programs (JSON) and containerd (logfmt) write it; undefined for lines that do not say. */
export const timeOfLine = (line: string): number | undefined => {
  const text = /"time":"([^"]+)"|\btime="([^"]+)"/.exec(line);
  if (text) {
    const seconds = Date.parse(text[1] ?? text[2] ?? '') / 1000;
    return Number.isNaN(seconds) ? undefined : seconds;
  }
  const number = /"time":(\d{10,13})\b/.exec(line)?.[1];
  return number ? Number(number) / (number.length > 10 ? 1000 : 1) : undefined;
};

/** From the first line that is not older on. What comes before it without a time (a stack trace) belongs to an older one. */
export const linesSince = (lines: readonly string[], since: number): string[] => {
  const first = lines.findIndex((line) => (timeOfLine(line) ?? 0) >= since);
  return first < 0 ? [] : lines.slice(first);
};
