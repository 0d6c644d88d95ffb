import { COMMANDS } from '../commands/index.ts';
import type { CommandClass } from './base-command.ts';

/** Help of one command, laid out by oclif's help formatter, which is loaded only here. */
export const commandHelp = async (id: string, Command: CommandClass): Promise<string> => {
  // A CommonJS module: bundled, its exports stand under `default`.
  const loaded = await import('@oclif/core/help');
  const { CommandHelp } = 'CommandHelp' in loaded ? loaded : (loaded as { default: typeof loaded }).default;
  const command = {
    id,
    aliases: [],
    hiddenAliases: [],
    args: {},
    summary: Command.summary,
    description: [Command.summary, Command.description].filter(Boolean).join('\n\n'),
    usage: `${id} ${Command.usage}`.trim(),
    examples: Command.examples.map((example) => example),
    flags: Object.fromEntries(
      Object.entries({ ...Command.baseFlags, ...Command.flags })
        .filter(([, flag]) => !flag.hidden)
        // Lists have an empty default, which tells a reader nothing.
        .map(([name, flag]) => [
          name,
          { ...flag, name, default: flag.kind === 'list' ? undefined : flag.default, helpValue: flag.helpValue ?? helpValue(flag.kind) },
        ]),
    ),
    hasDynamicHelp: false,
  };
  const config = { bin: 'slipway', topicSeparator: ' ', platform: process.platform, shell: 'sh', theme: undefined };
  const options = {
    maxWidth: Math.min(Number(process.env['COLUMNS']) || process.stdout.columns || 100, 120),
    stripAnsi: !process.stdout.isTTY,
    docopts: false,
  };
  // The formatter reads only what is set above; its declared types want the whole of oclif's Config.
  type Parameters = ConstructorParameters<typeof CommandHelp>;
  const help = new CommandHelp(
    command as unknown as Parameters[0],
    config as unknown as Parameters[1],
    options as unknown as Parameters[2],
  );
  return `${Command.summary}\n\n${help.generate().trimEnd()}\n`;
};

const helpValue = (kind: string): string => (kind === 'integer' ? 'N' : 'VALUE');

const GROUPS = ['Clusters', 'Run and change', 'Look', 'Troubleshoot', 'Settings'] as const;
export type CommandGroup = (typeof GROUPS)[number];

export const rootHelp = (): string => {
  const listed = Object.entries(COMMANDS).filter(([id, entry]) => !entry.hidden && !id.startsWith('_'));
  const seen = new Set<string>();
  const lines: string[] = ['One command makes a cluster and is from then on its client.', '', 'USAGE', '  $ slipway COMMAND [flags]', ''];
  for (const group of GROUPS) {
    const rows = listed.filter(([, entry]) => entry.group === group);
    if (!rows.length) continue;
    lines.push(group.toUpperCase());
    for (const [id, entry] of rows) {
      const [topic = id, verb] = id.split(' ');
      if (verb === undefined) lines.push(`  ${id.padEnd(18)} ${entry.summary}`);
      else if (!seen.has(topic)) {
        seen.add(topic);
        const verbs = listed.flatMap(([other]) => (other.startsWith(`${topic} `) ? [other.slice(topic.length + 1)] : []));
        lines.push(`  ${topic.padEnd(18)} ${verbs.join(', ')}`);
      }
    }
    lines.push('');
  }
  lines.push("'slipway COMMAND --help' tells more of one command. First steps: slipway up demo --yes --demo", '');
  return lines.join('\n');
};

export const topicHelp = (topic: string): string => {
  const rows = Object.entries(COMMANDS).filter(([id, entry]) => id.startsWith(`${topic} `) && !entry.hidden);
  return [
    'USAGE',
    `  $ slipway ${topic} COMMAND [flags]`,
    '',
    'COMMANDS',
    ...rows.map(([id, entry]) => `  ${id.padEnd(22)} ${entry.summary}`),
    '',
  ].join('\n');
};
