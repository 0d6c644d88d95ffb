/**
 * Bundles src/ into dist/: slipway.js (the CLI, its commands as lazily loaded chunks), testing.js (the package's `slipway/testing`) and the two
 * programs that go to nodes, each one file. With --package also what only a package needs: declarations of types. Two builds at once do not disturb each other: each writes a folder of its own and renames it into place.
 */

import { execFileSync } from 'node:child_process';
import {
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const startedAt = new Date();
const forPackage = process.argv.includes('--package');
/** An hour: no build takes as long. */
const KEPT_MS = 3600_000;

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

/** What loads a cloud finds it beside the program, in a bundle of its own. */
const cloudsApart = {
  name: 'clouds-apart',
  setup: ({ onResolve }) => {
    // The filter is read by Go, which knows no reference back to what a group found.
    onResolve({ filter: /\/drivers\/\w+\/\w+-cloud\.ts$/ }, ({ path }) => {
      const name = /\/drivers\/(\w+)\/\1-cloud\.ts$/.exec(path)?.[1];
      return name ? { path: `./slipway-${name}.js`, external: true } : undefined;
    });
  },
};

const main = async () => {
  mkdirSync(dist, { recursive: true });
  removeKilled();
  const work = mkdtempSync(join(root, 'dist-'));
  try {
    const define = { SLIPWAY_STORE_WORKER: JSON.stringify(await storeWorker()) };
    const programs = ['slipway-server', 'slipway-agent'].filter((name) => globSync(join(root, `src/runtime/${name}.ts`)).length > 0);
    await allEnded([
      // The SDK of a cloud: laid only where it is used.
      build({ ...forNodes, entryPoints: ['src/drivers/aws/aws-cloud.ts'], outfile: join(work, 'slipway-aws.js') }),
      ...programs.map((name) =>
        build({ ...forNodes, define, plugins: [cloudsApart], entryPoints: [`src/runtime/${name}.ts`], outfile: join(work, `${name}.js`) }),
      ),
      buildSplit(work, { entry: 'src/cli/main.ts', name: 'slipway', options: {} }),
      buildSplit(work, { entry: 'src/testing/index.ts', name: 'testing', options: { define } }),
    ]);
    if (forPackage) writeTypes(join(work, 'types'));
    for (const file of globSync('**/*.{js,d.ts}', { cwd: work })) {
      mkdirSync(dirname(join(dist, file)), { recursive: true });
      renameSync(join(work, file), join(dist, file));
    }
    removeOld(join(dist, 'chunks'));
    removeOld(join(dist, 'types'));
    removeOld(join(dist, '.compile-cache'));
    writeFileSync(join(dist, '.stamp'), startedAt.toISOString());
    // The stamp tells when reading began: a file saved during the build counts as newer.
    utimesSync(join(dist, '.stamp'), startedAt, startedAt);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};

/** Also when one fails: what still writes would make the folder again that is removed. */
const allEnded = async (builds) => {
  const failed = (await Promise.allSettled(builds)).find(({ status }) => status === 'rejected');
  if (failed) throw failed.reason;
};

/** Folders of builds that were killed. Those of the last hour may be of one that is at work. */
const removeKilled = () => {
  for (const name of readdirSync(root).filter((entry) => /^dist-(types-)?[A-Za-z0-9]{6}$/.test(entry))) {
    const path = join(root, name);
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: Infinity };
    if (mtimeMs < Date.now() - KEPT_MS) rmSync(path, { recursive: true, force: true });
  }
};

/** What earlier builds left: kept for an hour, because a program that runs on may still load it. A package has none of it. */
const removeOld = (folder) => {
  const limit = forPackage ? startedAt.getTime() : Date.now() - KEPT_MS;
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

/** One entry, with what it loads lazily in chunks of its own: nothing that one of them needs makes another slower to start. */
const buildSplit = (work, { entry, name, options }) =>
  build({
    ...shared,
    ...options,
    entryPoints: { [name]: entry },
    splitting: true,
    chunkNames: `chunks/${name === 'slipway' ? '' : `${name}-`}[name]-[hash]`,
    outdir: work,
  });

/** Declarations of what the testing export reaches. They name each other by the files that a package has: TypeScript writes the names of the sources. */
const writeTypes = (outDir) => {
  const emitted = mkdtempSync(join(root, 'dist-types-'));
  try {
    const compilerOptions = { noEmit: false, declaration: true, emitDeclarationOnly: true, rootDir: join(root, 'src'), outDir: emitted };
    const config = join(emitted, 'types.json');
    writeFileSync(
      config,
      JSON.stringify({ extends: join(root, 'tsconfig.json'), include: [], files: [join(root, 'src/testing/index.ts')], compilerOptions }),
    );
    execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', config], { stdio: 'inherit' });
    const waiting = ['testing/index.d.ts'];
    for (const file of waiting) {
      const text = readFileSync(join(emitted, file), 'utf8').replaceAll(/((?:from |import\()["']\.[^"']*)\.ts(["'])/g, '$1.js$2');
      mkdirSync(dirname(join(outDir, file)), { recursive: true });
      writeFileSync(join(outDir, file), text);
      for (const [, specifier] of text.matchAll(/(?:from |import\()["'](\.[^"']*)\.js["']/g)) {
        const next = join(dirname(file), `${specifier}.d.ts`);
        if (!waiting.includes(next)) waiting.push(next);
      }
    }
  } finally {
    rmSync(emitted, { recursive: true, force: true });
  }
};

main().catch((error) => {
  console.error(`slipway: the build failed: ${error.message}`);
  process.exit(1);
});
