/**
 * Bundles src/ into dist/: slipway.js (the CLI, its commands as lazily loaded chunks) and the two programs that go to nodes, each one
 * file. Two builds at once do not disturb each other: each writes a folder of its own and renames it into place.
 */

import { globSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const startedAt = new Date();

const shared = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  minifyWhitespace: true,
  minifySyntax: true,
  keepNames: true,
  legalComments: 'none',
  logLevel: 'warning',
  absWorkingDir: root,
  // Optional native parts of libraries; each has a JavaScript fallback.
  external: ['cpu-features', '*.node', 'bufferutil', 'utf-8-validate'],
  // CommonJS dependencies inside an ES module bundle still call require() and look at __dirname.
  banner: {
    js: [
      "import { createRequire as __createRequire } from 'node:module';",
      'const require = __createRequire(import.meta.url), __filename = import.meta.filename, __dirname = import.meta.dirname;',
    ].join(''),
  },
};

/** Identifiers are not minified, so functions have their names anyway; keeping them by force costs a call for every closure that is made. */
const forNodes = { ...shared, keepNames: false };

const main = async () => {
  mkdirSync(dist, { recursive: true });
  const work = mkdtempSync(join(root, 'dist-'));
  try {
    const define = { SLIPWAY_STORE_WORKER: JSON.stringify(await storeWorker()) };
    const programs = ['slipway-server', 'slipway-agent'].filter((name) => globSync(join(root, `src/runtime/${name}.ts`)).length > 0);
    await Promise.all([
      ...programs.map((name) => build({ ...forNodes, define, entryPoints: [`src/runtime/${name}.ts`], outfile: join(work, `${name}.js`) })),
      buildCli(work),
    ]);
    for (const file of globSync('**/*.js', { cwd: work })) {
      mkdirSync(dirname(join(dist, file)), { recursive: true });
      renameSync(join(work, file), join(dist, file));
    }
    removeOld(join(dist, 'chunks'));
    removeOld(join(dist, '.compile-cache'));
    writeFileSync(join(dist, '.stamp'), startedAt.toISOString());
    // The stamp tells when reading began: a file saved during the build counts as newer.
    const { utimesSync } = await import('node:fs');
    utimesSync(join(dist, '.stamp'), startedAt, startedAt);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};

/** What earlier builds left: kept for an hour, because a program that runs on may still load it. */
const removeOld = (folder) => {
  const limit = Date.now() - 3600_000;
  for (const entry of globSync('**/*', { cwd: folder, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    // Another build may be faster.
    if (entry.isFile() && (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? limit) < limit) rmSync(path, { force: true });
  }
};

/** The script of the store's thread: the server carries it as text, so that it stays a single file. */
const storeWorker = async () => {
  const entry = 'src/store/sqlite/sqlite-worker.ts';
  const { outputFiles } = await build({ ...forNodes, banner: {}, format: 'cjs', entryPoints: [entry], write: false });
  return outputFiles[0].text;
};

const buildCli = async (work) => {
  const entry = globSync(join(root, 'src/cli/main.ts'))[0];
  if (!entry) return;
  await build({
    ...shared,
    entryPoints: { slipway: relative(root, entry) },
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    outdir: work,
  });
};

main().catch((error) => {
  console.error(`slipway: the build failed: ${error.message}`);
  process.exit(1);
});
