import { readFile } from 'node:fs/promises';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { type Architecture, pauseProgram } from './pause-program.ts';
import { writeImageArchive } from './write-archive.ts';

export const PAUSE_IMAGE = 'registry.slipway.local/pause:1';
export const DEMO_IMAGES = ['registry.slipway.local/demo:1', 'registry.slipway.local/demo:2'] as const;

export const hostArchitecture = (): Architecture => (process.arch === 'arm64' ? 'arm64' : 'amd64');

/** The image that holds a pod's namespaces, as a docker-archive. */
export const pauseImage = (architecture: Architecture = hostArchitecture()): Promise<Buffer> =>
  writeImageArchive({
    reference: PAUSE_IMAGE,
    architecture,
    entries: [{ path: 'pause', content: pauseProgram(architecture), mode: 0o755 }],
    config: { Entrypoint: ['/pause'], User: '65535:65535', WorkingDir: '/' },
  });

const NOBODY = 65534;

/**
 * A small web application for first steps and tests, as a docker-archive: answers on port 8080 with its version, pod and node (from
 * POD_NAME and NODE_NAME, else the host name), and `/healthz` with ok. It runs as nobody and exits at once on SIGTERM.
 * `busyboxPath` is a static busybox: Debian's package busybox-static.
 */
export const demoImage = async (
  version: '1' | '2',
  options: { architecture?: Architecture; busyboxPath?: string } = {},
): Promise<Buffer> => {
  const { architecture = hostArchitecture(), busyboxPath = '/bin/busybox' } = options;
  return writeImageArchive({
    reference: `registry.slipway.local/demo:${version}`,
    architecture,
    entries: [
      { path: 'bin/' },
      { path: 'bin/busybox', content: await staticBusybox(busyboxPath), mode: 0o755 },
      ...[
        'sh',
        'cat',
        'ls',
        'wget',
        'nslookup',
        'env',
        'id',
        'sleep',
        'tar',
        'ps',
        'echo',
        'hostname',
        'test',
        'true',
        'false',
        'rm',
        'cp',
        'mkdir',
        'date',
        'head',
        'tail',
        'grep',
        'nc',
      ].map((name) => ({
        path: `bin/${name}`,
        linkTo: 'busybox',
      })),
      { path: 'etc/' },
      { path: 'etc/passwd', content: `root:x:0:0::/:/bin/sh\nnobody:x:${NOBODY}:${NOBODY}::/:/bin/sh\n` },
      { path: 'etc/group', content: `root:x:0:\nnogroup:x:${NOBODY}:\n` },
      { path: 'tmp/', mode: 0o1777 },
      { path: 'start', content: START, mode: 0o755 },
      { path: 'www/', uid: NOBODY },
      { path: 'www/healthz', content: 'ok\n' },
    ],
    config: {
      Entrypoint: ['/bin/sh', '/start'],
      Env: ['PATH=/bin', `DEMO_VERSION=${version}`],
      User: `${NOBODY}:${NOBODY}`,
      ExposedPorts: { '8080/tcp': {} },
      WorkingDir: '/',
    },
  });
};

/** The first process of a container gets only signals that it handles: the shell does, for the server beside it. */
const START = `trap 'exit 0' TERM INT
port=\${PORT:-8080}
printf 'Hello from Slipway, version %s\\npod: %s\\n' "$DEMO_VERSION" "\${POD_NAME:-$(hostname)}" > /www/index.html
[ -z "$NODE_NAME" ] || echo "node: $NODE_NAME" >> /www/index.html
echo "demo version $DEMO_VERSION listens on $port"
busybox httpd -f -p "$port" -h /www &
wait
`;

const staticBusybox = async (path: string): Promise<Buffer> => {
  const advice = ['apt-get install busybox-static'];
  const program = await readFile(path).catch((error: Error) => {
    throw new SlipwayError('PACKAGES_MISSING', { tried: 'make the demo image', cause: error, advice });
  });
  if (needsInterpreter(program))
    throw new SlipwayError('PACKAGES_MISSING', { tried: 'make the demo image', cause: `${path} is not statically linked`, advice });
  return program;
};

/** Whether an ELF file has a PT_INTERP header: it then needs shared libraries. */
const needsInterpreter = (program: Buffer): boolean => {
  if (program.length < 64 || program.readUInt32BE(0) !== 0x7f454c46) return true;
  const table = Number(program.readBigUInt64LE(32));
  const size = program.readUInt16LE(54);
  const count = program.readUInt16LE(56);
  return Array.from({ length: count }, (_, index) => program.readUInt32LE(table + index * size)).includes(3);
};
