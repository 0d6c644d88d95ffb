import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Handlebars from 'handlebars';

/**
 * Renders a file of templates/ (`runit/run`, without `.hbs`). Nothing is escaped, as no output is HTML: a template that puts a
 * value into a shell script says `{{shellQuote value}}`, into JSON or TOML `{{json value}}`, and into XML `{{xml value}}`. A name that `values` lacks is an error.
 */
export const renderTemplate = (name: string, values: Readonly<Record<string, unknown>>): string => {
  let template = compiled.get(name);
  if (!template) {
    const text = readFileSync(join(packageRoot(), 'templates', `${name}.hbs`), 'utf8');
    template = engine.compile(text, { noEscape: true, strict: true });
    compiled.set(name, template);
  }
  return template(values);
};

/** A word of a POSIX shell that stands for exactly this text. */
export const shellQuote = (text: string): string => (/^[A-Za-z0-9_/.:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** The folder of Slipway's package.json, whether this runs from src/ or from a bundle in dist/. */
export const packageRoot = (): string => {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'templates')) || !existsSync(join(folder, 'package.json'))) {
    if (folder === dirname(folder)) throw new Error(`no package.json above ${import.meta.dirname}`);
    folder = dirname(folder);
  }
  return folder;
};

const compiled = new Map<string, (values: unknown) => string>();
const engine = Handlebars.create();
engine.registerHelper('json', (value: unknown) => JSON.stringify(value));
engine.registerHelper('xml', (value: unknown) => String(value).replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`));
engine.registerHelper('shellQuote', (value: unknown) =>
  (Array.isArray(value) ? value : [value]).map((word) => shellQuote(String(word))).join(' '),
);
