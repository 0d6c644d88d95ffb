/** `npm run reference`: writes docs/reference/commands.md from the table of commands. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { commandReference } from '../src/cli/command-reference.ts';

writeFileSync(fileURLToPath(new URL('../docs/reference/commands.md', import.meta.url)), await commandReference());
