/** The JSON paths that custom resource definitions use for columns, selectable fields and scale: `.spec.a[0].b`, `.status.c[?(@.type=="x")].d`. */
export const readJsonPath = (object: unknown, path: string): unknown => {
  let values: unknown[] = [object];
  for (const step of stepsOf(path)) values = values.flatMap((value) => take(value, step));
  return values[0];
};

type Step = { field: string } | { index: number } | { key: string; value: string } | { all: true };

const STEP = /\.?((?:[^.[\]\\]|\\.)+)|\[(\d+)\]|\[\?\(@\.([\w.-]+)\s*==\s*["']([^"']*)["']\)\]|\[\*\]|\[["']([^"']+)["']\]/gy;
const parsed = new Map<string, readonly Step[]>();
const MOST_PATHS = 1000;

const stepsOf = (path: string): readonly Step[] => {
  let steps = parsed.get(path);
  if (!steps) {
    const found: Step[] = [];
    for (const [whole, field, index, key, value, quoted] of path
      .replace(/^\{|\}$/g, '')
      .replace(/^\$/, '')
      .matchAll(STEP)) {
      if (field !== undefined) found.push({ field: field.replace(/\\(.)/g, '$1') });
      else if (index !== undefined) found.push({ index: Number(index) });
      else if (key !== undefined) found.push({ key, value: value ?? '' });
      else if (quoted !== undefined) found.push({ field: quoted });
      else if (whole === '[*]') found.push({ all: true });
    }
    if (parsed.size >= MOST_PATHS) parsed.clear();
    steps = found;
    parsed.set(path, steps);
  }
  return steps;
};

const own = (value: unknown, name: string): unknown[] =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? [(value as Record<string, unknown>)[name]] : [];

const take = (value: unknown, step: Step): unknown[] => {
  if ('field' in step) return own(value, step.field);
  if (!Array.isArray(value)) return [];
  if ('index' in step) return step.index < value.length ? [value[step.index]] : [];
  if ('all' in step) return value;
  return value.filter((item) => String(own(item, step.key)[0]) === step.value);
};
