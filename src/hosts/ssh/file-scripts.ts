import { createHash, randomBytes } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { shellQuote } from '../../base/templates/template.ts';

/** Exit codes by which these scripts say what is the matter. */
export const ABSENT = 44;
export const DISK_FULL = 45;
/** A write that fails with less than this free has failed for want of space. */
const FULL_KIB = 1024;

/** Says, in a failing write, how much is left where it was to go: the file system that is full is not always the one that one thinks of. */
const FAILED = `failed() {
  rm -f "$2"
  at=$1; while [ ! -e "$at" ]; do at=\${at%/*}; at=\${at:-/}; done
  free=$(df -Pk "$at" | { read -r head; read -r device size used free rest; echo "$free"; })
  [ "\${free:-${FULL_KIB}}" -lt ${FULL_KIB} ] && { echo "full \${1%/*} $free"; exit ${DISK_FULL}; }
  exit 1
}`;

export interface SmallFile {
  path: string;
  content: Buffer;
  mode: number;
}

/**
 * For the stdin of `sh -s`: lays several files with one command, and prints a line for each, `changed` or `same`. Every file is written beside its
 * place, private at first, and renamed.
 */
export const layScript = (files: readonly SmallFile[]): string => `${FAILED}
lay() {
  at=$1 mode=$2 digest=$3 beside=$1.$4
  if [ -f "$at" ] && [ "$(sha256sum < "$at")" = "$digest  -" ] && [ "$(stat -c %a "$at")" = "$mode" ]; then echo same; return; fi
  mkdir -p "\${at%/*}" || failed "$at" "$beside"
  (umask 077; base64 -d > "$beside") || failed "$at" "$beside"
  chmod "$mode" "$beside" && mv -f "$beside" "$at" || failed "$at" "$beside"
  echo changed
}
${files.map(layCall).join('')}`;

const layCall = ({ path, content, mode }: SmallFile): string => {
  const digest = createHash('sha256').update(content).digest('hex');
  const lines = content.toString('base64').replaceAll(/.{1,76}/g, '$&\n');
  return `lay ${shellQuote(path)} ${mode.toString(8)} ${digest} ${suffix()} <<'END'\n${lines}END\n`;
};

/**
 * Takes one large file from stdin; `read` is what makes its bytes of what is sent. SSH guards the bytes on their way, and gzip has a checksum of
 * its own for one that ends early. With `digest`, that is remembered for digestScript.
 */
export const receiveScript = ({ path, mode, read, digest }: { path: string; mode: number; read: string; digest?: string }): string => {
  const octal = mode.toString(8);
  return `${FAILED}
at=${shellQuote(path)} beside=${shellQuote(`${path}.${suffix()}`)}
trap 'rm -f "$beside"; exit 1' HUP INT TERM PIPE
mkdir -p ${shellQuote(dirname(path))} || failed "$at" "$beside"
(umask 077; ${read} > "$beside") || failed "$at" "$beside"
chmod ${octal} "$beside"
mv -f "$beside" "$at" || failed "$at" "$beside"
${digest === undefined ? '' : rememberDigest(path, digest)}
echo changed`;
};

/**
 * Prints a line for each path: sha256 and mode of a large file, or `absent`. A digest that was computed before is kept beside the file and holds
 * while size, times and inode are what they were: to hash the 120 MB of Node.js takes longer than all else that an `up` without changes does.
 */
export const digestScript = (paths: readonly string[]): string => `look() {
  at=$1 kept=$2 digest= of=
  if [ ! -e "$at" ]; then echo absent; return; fi
  now=$(stat -c '%s %Y %Z %i' "$at")
  if [ -r "$kept" ]; then read -r digest of < "$kept"; fi
  if [ "$of" != "$now" ]; then digest=$(sha256sum < "$at"); digest=\${digest%% *}; (umask 077; echo "$digest $now" > "$kept"); fi
  echo "$digest $(stat -c %a "$at")"
}
${paths.map((path) => `look ${shellQuote(path)} ${shellQuote(keptDigest(path))}`).join('\n')}`;

const rememberDigest = (path: string, digest: string): string =>
  `(umask 077; echo "${digest} $(stat -c '%s %Y %Z %i' "$at")" > ${shellQuote(keptDigest(path))})`;

const keptDigest = (path: string): string => `${dirname(path)}/.${basename(path)}.sha256`;

const suffix = (): string => randomBytes(4).toString('hex');
