import { readFileSync } from 'node:fs';
import { CommandError, UsageError } from '../errors.ts';
import { parseCustomColumns, renderCustomColumns } from './custom-columns.ts';
import { renderGoTemplate } from './go-template.ts';
import { compileJsonPath } from './jsonpath.ts';
import { renderObject, withoutManagedFields } from './render-object.ts';

/** Renders whole objects or lists. */
export type ObjectPrinter = (object: object) => string;

export interface PrinterOptions {
  showManagedFields?: boolean;
  headers?: boolean;
  /** `pod/web` for `-o name`. */
  nameOf: (object: object) => string;
}

/**
 * The printer that an `-o` value names; undefined for '' and `wide`, which print tables. Throws UsageError for a format that does not
 * exist. The forms: json, yaml, name, jsonpath=T, jsonpath-file=F, go-template=T, go-template-file=F, custom-columns=C, custom-columns-file=F.
 */
export const objectPrinter = (output: string | undefined, options: PrinterOptions): ObjectPrinter | undefined => {
  if (output === undefined || output === '' || output === 'wide') return undefined;
  const equals = output.indexOf('=');
  const format = equals < 0 ? output : output.slice(0, equals);
  const argument = equals < 0 ? '' : output.slice(equals + 1);
  const shown = <T extends object>(object: T): T => (options.showManagedFields ? object : withoutManagedFields(object));
  switch (format) {
    case 'json':
    case 'yaml':
      return (object) => renderObject(shown(object), format);
    case 'name':
      return (object) =>
        itemsOf(object)
          .map((item) => `${options.nameOf(item)}\n`)
          .join('');
    case 'jsonpath':
    case 'jsonpath-as-json':
    case 'jsonpath-file': {
      if (argument === '') throw new UsageError(`template format specified but no template given`);
      const template = compileJsonPath(format === 'jsonpath-file' ? fileText(argument) : argument);
      return (object) => template(shown(object));
    }
    case 'go-template':
    case 'template':
    case 'go-template-file':
    case 'templatefile': {
      if (argument === '') throw new UsageError('template format specified but no template given');
      const template = format.endsWith('file') ? fileText(argument) : argument;
      return (object) => renderGoTemplate(template, object);
    }
    case 'custom-columns': {
      const columns = parseCustomColumns(argument);
      return (object) => renderCustomColumns(columns, itemsOf(object), { headers: options.headers ?? true });
    }
    case 'custom-columns-file': {
      const [headers = '', paths = ''] = fileText(argument).split('\n');
      const names = headers.trim().split(/\s+/);
      const columns = paths
        .trim()
        .split(/\s+/)
        .map((path, index) => ({ header: names[index] ?? '', path }));
      return (object) => renderCustomColumns(columns, itemsOf(object), { headers: options.headers ?? true });
    }
    default:
      throw new UsageError(
        `unable to match a printer suitable for the output format "${output}", allowed formats are: custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,wide,yaml`,
      );
  }
};

const itemsOf = (object: object): object[] => {
  const { items } = object as { items?: object[] };
  return Array.isArray(items) ? items : [object];
};

const fileText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CommandError(`error reading template ${path}, ${(error as Error).message}`, { cause: error });
  }
};
