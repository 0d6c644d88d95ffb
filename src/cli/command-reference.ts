import { COMMANDS } from '../commands/index.ts';
import type { Flag, Flags } from './args/flags.ts';
import { COMMON_FLAGS } from './base-command.ts';
import { KUBE_FLAGS } from './kube/session.ts';

/** docs/reference/commands.md, from the table of commands: bin/write-reference.js writes it, a test compares it. Loads every command. */
export const commandReference = async (): Promise<string> => {
  const shown = Object.entries(COMMANDS).filter(([id, entry]) => !entry.hidden && !id.startsWith('_'));
  const pages: string[] = [];
  for (const [id, entry] of shown) {
    const { default: Command } = await entry.load();
    const lines = [
      `## slipway ${id}`,
      Command.summary + (Command.summary.endsWith('.') ? '' : '.'),
      ...(Command.description ? ['', Command.description] : []),
      '',
      '```',
      `slipway ${`${id} ${Command.usage}`.trim()}`,
      ...(Command.examples.length ? ['', ...Command.examples] : []),
      '```',
      ...flagTable(Command.flags),
    ];
    if ('kubeconfig' in Command.baseFlags) lines.push('', 'It takes the [flags for a cluster](#flags-for-a-cluster).');
    pages.push(lines.join('\n'));
  }
  return `${HEAD}

## Flags of every command
${flagTable(COMMON_FLAGS).slice(1).join('\n')}

## Flags for a cluster
Commands that talk to the API server of a cluster take these, as kubectl does.
${flagTable(KUBE_FLAGS).join('\n')}

${pages.join('\n\n')}
`;
};

const HEAD = `# Commands

Written by \`npm run reference\` from the table of commands; a test keeps it true. Flags and words mix, \`--\` ends the flags, and exit codes are
0, 1 for errors, 2 for wrong usage, 130 after Ctrl-C, or those of a remote command.`;

const flagTable = (flags: Flags): string[] => {
  const rows = Object.entries(flags).filter(([, flag]) => !flag.hidden);
  if (!rows.length) return [];
  return ['', '| flag | what for |', '|---|---|', ...rows.map(([name, flag]) => `| ${spelling(name, flag)} | ${meaning(flag)} |`)];
};

const spelling = (name: string, flag: Flag): string => {
  const value = flag.kind === 'boolean' ? '' : flag.kind === 'integer' ? '=N' : '=VALUE';
  const long = `--${name}${flag.bare === undefined ? value : `[${value}]`}`;
  return flag.char ? `\`-${flag.char}\`, \`${long}\`` : `\`${long}\``;
};

const meaning = (flag: Flag): string => {
  const parts = [flag.description];
  if (flag.options) parts.push(`one of ${flag.options.join(', ')}`);
  if (flag.kind === 'list') parts.push('may be repeated');
  const standard =
    flag.kind === 'boolean' ? flag.default === true : flag.kind !== 'list' && flag.default !== undefined && flag.default !== '';
  if (standard) parts.push(`default ${flag.kind === 'boolean' ? 'on' : String(flag.default)}`);
  return parts.join('; ').replaceAll('|', '\\|').replaceAll('<', '&lt;');
};
