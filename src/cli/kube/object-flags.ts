import { booleanFlag, listFlag, textFlag } from '../args/flags.ts';

/** Flags that many kubectl commands share, spelled once. */
export const SELECTOR_FLAGS = {
  selector: textFlag('Only objects with these labels: key=value,key!=value,key in (a,b)', { char: 'l' }),
  'field-selector': textFlag('Only objects with these fields: status.phase=Running'),
} as const;

export const FILE_FLAGS = {
  filename: listFlag('File, folder or URL of manifests; - is stdin', { char: 'f' }),
  recursive: booleanFlag('Folders within folders too', { char: 'R' }),
  kustomize: textFlag('Not supported: render with kustomize and pipe to -f -', { char: 'k', hidden: true }),
} as const;

export const DRY_RUN_FLAG = textFlag('none; client: only print; server: ask the server without saving', {
  default: 'none',
  bare: 'client',
  options: ['none', 'client', 'server'],
});

export const WRITE_FLAGS = {
  'dry-run': DRY_RUN_FLAG,
  output: textFlag('json, yaml, name, jsonpath=T, go-template=T, custom-columns=C', { char: 'o' }),
  'show-managed-fields': booleanFlag('Keep managedFields in JSON and YAML'),
  'field-manager': textFlag('Name of the manager that owns the changed fields', { hidden: true }),
} as const;

export type DryRun = 'none' | 'client' | 'server';
