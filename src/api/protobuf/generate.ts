/**
 * Development script: makes `field-numbers.json`, the protobuf field numbers of every built-in type, from the struct tags of the
 * Kubernetes Go modules. Types and what is optional stand in the schema table already.
 *
 *   node src/api/protobuf/generate.ts       needs Go on the PATH
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const API = 'k8s.io/api@v0.36.3';
const MACHINERY = 'k8s.io/apimachinery@v0.36.3';
const EXTENSIONS = 'k8s.io/apiextensions-apiserver@v0.36.3';
const AGGREGATOR = 'k8s.io/kube-aggregator@v0.36.3';

const moduleDir = (module: string): string =>
  JSON.parse(execFileSync('go', ['mod', 'download', '-json', module], { encoding: 'utf8', cwd: '/' })).Dir;

/** `Name type `json:"name,omitempty" protobuf:"bytes,1,opt,name=name"``, the name left out where the struct is embedded. */
const FIELD = /^\s+(?:(\w+)\s+)?([\w.*[\]]+)\s+`json:"([^"]*)"[^`]*protobuf:"[a-z0-9]+,(\d+),[^"]*"/;

const readTypes = (dir: string, prefix: string, table: Record<string, string[]>): void => {
  for (const file of readdirSync(dir).filter((name) => name.endsWith('.go') && !/_test|zz_|generated|swagger/.test(name))) {
    let current: string[] | undefined;
    for (const line of readFileSync(join(dir, file), 'utf8').split('\n')) {
      const opens = /^type (\w+) struct \{/.exec(line)?.[1];
      if (opens) {
        current = [];
        table[`${prefix}.${opens}`] = current;
      } else if (line.startsWith('}')) current = undefined;
      const field = current && FIELD.exec(line);
      if (!current || !field) continue;
      const [, , type = '', json = '', number = ''] = field;
      const name = json.split(',')[0] ?? '';
      current[Number(number) - 1] = name !== '' ? name : `@${qualified(type, prefix)}`;
    }
  }
};

/** An embedded struct: of the same package, or `v1.X` of another one (only core's are embedded elsewhere). */
const qualified = (type: string, prefix: string): string => {
  const bare = type.replace(/^\*/, '');
  return bare.includes('.') ? `core/v1.${bare.split('.').at(-1)}` : `${prefix}.${bare}`;
};

const table: Record<string, string[]> = {};
const api = moduleDir(API);
for (const group of readdirSync(api))
  for (const version of ['v1', 'v2']) {
    const dir = join(api, group, version);
    if (existsSync(join(dir, 'types.go'))) readTypes(dir, `${group}/${version}`, table);
  }
readTypes(join(moduleDir(MACHINERY), 'pkg/apis/meta/v1'), 'meta/v1', table);
readTypes(join(moduleDir(EXTENSIONS), 'pkg/apis/apiextensions/v1'), 'apiextensions/v1', table);
readTypes(join(moduleDir(AGGREGATOR), 'pkg/apis/apiregistration/v1'), 'apiregistration/v1', table);

const lines = Object.entries(table)
  .filter(([, fields]) => fields.length > 0)
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, fields]) => `${JSON.stringify(name)}:${JSON.stringify(Array.from(fields, (field) => field ?? ''))}`);
writeFileSync(join(import.meta.dirname, 'field-numbers.json'), `{\n${lines.join(',\n')}\n}\n`);
