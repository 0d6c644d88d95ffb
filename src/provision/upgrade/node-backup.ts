import type { Host } from '../../hosts/host.ts';
import { NODE_PATHS } from '../spec/node-paths.ts';

const FOLDER = `${NODE_PATHS.programs}/before`;

/**
 * Keeps what is about to be replaced: programs as further links to the same files (they are replaced by renaming, so the old content
 * stays), configuration and units as copies. Kept until the next upgrade. What this upgrade (told by its `id`) has kept before an interruption is not
 * kept again, since by now other things may be in its place.
 */
export const keepBefore = async (host: Host, version: string, options: { id: string }): Promise<void> => {
  await host.run(['sh', '-c', KEEP, 'sh', version, options.id]);
};

/** The version that can be put back; undefined where nothing was kept, or not all of it. */
export const versionBefore = async (host: Host): Promise<string | undefined> => {
  const [version, id] = await Promise.all([host.readFile(`${FOLDER}/version`), backupId(host)]);
  return id === undefined ? undefined : version?.toString().trim() || undefined;
};

/** Of the upgrade that has kept it. */
export const backupId = async (host: Host): Promise<string | undefined> =>
  (await host.readFile(`${FOLDER}/whole`))?.toString().trim() || undefined;

/** Puts it back. Services are the caller's to restart. */
export const putBack = async (host: Host): Promise<void> => {
  await host.run(['sh', '-c', PUT_BACK]);
};

const KEEP = `set -e
cd ${NODE_PATHS.programs}
[ "$(cat before/whole 2> /dev/null)" = "$2" ] && exit 0
rm -rf before
mkdir before before/programs
for file in node *.js; do [ -e "$file" ] && ln "$file" before/programs/; done
cd /
tar -cf ${FOLDER}/configuration.tar --exclude=supervise $(ls -d etc/slipway/*.json etc/slipway/*.toml etc/slipway/services etc/systemd/system/slipway-*.service 2> /dev/null)
echo "$1" > ${FOLDER}/version
echo "$2" > ${FOLDER}/whole
`;

const PUT_BACK = `set -e
cd ${NODE_PATHS.programs}
[ -f before/whole ]
for file in before/programs/*; do
  name=$(basename "$file")
  [ "$file" -ef "$name" ] || { ln -f "$file" ".back-$name" && mv -f ".back-$name" "$name"; }
done
tar -xf before/configuration.tar -C /
cp before/version .version.back && mv .version.back version
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
`;
