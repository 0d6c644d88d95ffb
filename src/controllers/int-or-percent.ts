/** `3`, or `25%` of the total. What is neither counts as 0. */
export const intOrPercent = (value: number | string | undefined, total: number, round: 'up' | 'down'): number => {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  const percent = /^(\d+)%$/.exec(value);
  if (!percent) return 0;
  const exact = (Number(percent[1]) * total) / 100;
  return round === 'up' ? Math.ceil(exact) : Math.floor(exact);
};
