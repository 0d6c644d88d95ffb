/** Freezes an object read from JSON, all the way down. What is frozen at the top is frozen wholly: it comes from a shared cache. */
export const deepFreeze = <T>(value: T): T => {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
};
