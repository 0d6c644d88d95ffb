/**
 * Columns of text as kubectl lays them out: at least three spaces between columns, at least six characters a column, the last column
 * not padded. `widths` remembers earlier rows of the same watch, so that later rows line up; it is changed in place.
 */
export const renderRows = (rows: readonly (readonly string[])[], widths: number[] = []): string => {
  for (const row of rows)
    for (const [index, cell] of row.entries())
      widths[index] = Math.max(widths[index] ?? MIN_WIDTH, index === row.length - 1 ? 0 : displayWidth(cell) + GAP);
  return rows
    .map((row) => {
      const cells = row.map((cell, index) =>
        index === row.length - 1 ? cell : cell + ' '.repeat(Math.max(0, (widths[index] ?? 0) - displayWidth(cell))),
      );
      return `${cells.join('')}\n`;
    })
    .join('');
};

const GAP = 3;
const MIN_WIDTH = 6;

/** Wide characters count as one, as in Go's tabwriter. */
const displayWidth = (text: string): number => (/^[\x20-\x7e]*$/.test(text) ? text.length : [...text].length);
