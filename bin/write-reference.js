/** `npm run reference`: writes docs/reference from the table of commands and the cluster file's schema. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { commandReference } from '../src/cli/command-reference.ts';
import { publishedSchema, withKeyTable } from '../src/provision/file/file-reference.ts';

writeFileSync(fileURLToPath(new URL('../docs/reference/commands.md', import.meta.url)), await commandReference());

const page = new URL('../docs/reference/cluster-file.md', import.meta.url);
writeFileSync(page, withKeyTable(readFileSync(page, 'utf8')));
writeFileSync(new URL('../docs/reference/cluster.schema.json', import.meta.url), publishedSchema());
