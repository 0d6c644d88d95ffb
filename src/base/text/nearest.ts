/** The candidates that a mistyped word most likely meant, best first, at most three; none when nothing is near. */
export const nearest = (word: string, candidates: readonly string[]): string[] => {
  const limit = word.length <= 3 ? 1 : word.length <= 6 ? 2 : 3;
  return candidates
    .filter((candidate) => candidate.startsWith(word) || Math.abs(candidate.length - word.length) <= limit)
    .map((candidate) => ({ candidate, far: candidate.startsWith(word) && word.length > 1 ? 0 : distance(word, candidate) }))
    .filter(({ far }) => far <= limit)
    .sort((one, other) => one.far - other.far || one.candidate.localeCompare(other.candidate))
    .slice(0, 3)
    .map(({ candidate }) => candidate);
};

/** Edits (insert, delete, replace, swap of neighbours) from one word to the other. */
const distance = (from: string, to: string): number => {
  const rows = Array.from({ length: from.length + 1 }, (_, row) => [row, ...Array<number>(to.length).fill(0)]);
  const at = (row: number, column: number): number => rows[row]?.[column] ?? 0;
  const first = rows[0] as number[];
  for (let column = 0; column <= to.length; column += 1) first[column] = column;
  for (let row = 1; row <= from.length; row += 1)
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1];
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      (rows[row] as number[])[column] = Math.min(
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (same ? 0 : 1),
        swapped ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
  return at(from.length, to.length);
};
