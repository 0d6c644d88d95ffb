/**
 * The program of the pause image, written as machine code so that Slipway needs neither a compiler nor a registry. It holds a pod's
 * namespaces: blocks SIGINT, SIGTERM and SIGCHLD, then waits for them one by one; reaps every child, and exits with 0 when told to.
 *
 *   block {INT, TERM, CHLD}
 *   loop: signal = sigtimedwait(set); CHLD -> while (wait4(-1, WNOHANG) > 0) ; interrupted -> loop ; else exit(0)
 *
 * A blocked signal reaches also the first process of a PID namespace, so no handler is needed.
 */
export const pauseProgram = (architecture: Architecture): Buffer => elf(architecture === 'amd64' ? X86_64 : AARCH64);

export type Architecture = 'amd64' | 'arm64';

interface Machine {
  /** e_machine of ELF. */
  machine: number;
  code: Buffer;
}

/** Bits of SIGINT (2), SIGTERM (15) and SIGCHLD (17). */
const SIGNALS = 0x14002n;
const LOAD_ADDRESS = 0x400000n;
const HEADERS_BYTES = 64 + 56;

/** A static executable: one header, one loaded segment, the code behind it. */
const elf = ({ machine, code }: Machine): Buffer => {
  const header = Buffer.alloc(HEADERS_BYTES);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1], 0);
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(LOAD_ADDRESS + BigInt(HEADERS_BYTES), 24);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  header.writeUInt16LE(64, 58);
  const size = BigInt(HEADERS_BYTES + code.length);
  // PT_LOAD, readable and executable.
  header.writeUInt32LE(1, 64);
  header.writeUInt32LE(5, 68);
  header.writeBigUInt64LE(0n, 72);
  header.writeBigUInt64LE(LOAD_ADDRESS, 80);
  header.writeBigUInt64LE(LOAD_ADDRESS, 88);
  header.writeBigUInt64LE(size, 96);
  header.writeBigUInt64LE(size, 104);
  header.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([header, code]);
};

/** A piece of code: bytes, a label, or bytes that depend on where a label is. */
type Piece = readonly number[] | { label: string } | { to: string; size: number; encode: (from: number, target: number) => number[] };

const assemble = (pieces: readonly Piece[]): Buffer => {
  const labels = new Map<string, number>();
  let at = 0;
  for (const piece of pieces)
    if ('label' in piece) labels.set(piece.label, at);
    else at += 'to' in piece ? piece.size : piece.length;
  const bytes: number[] = [];
  for (const piece of pieces)
    if ('to' in piece) bytes.push(...piece.encode(bytes.length, labels.get(piece.to) ?? 0));
    else if (!('label' in piece)) bytes.push(...piece);
  return Buffer.from(bytes);
};

const little = (value: number): number[] => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff];
const signalSet = (): number[] => {
  const set = Buffer.alloc(8);
  set.writeBigUInt64LE(SIGNALS);
  return [...set];
};
const label = (name: string): Piece => ({ label: name });

const X86_64: Machine = (() => {
  const syscall = [0x0f, 0x05];
  const setEax = (number: number): number[] => [0xb8, ...little(number)];
  const setR10To8 = [0x41, 0xba, 8, 0, 0, 0];
  const zeroEdi = [0x31, 0xff];
  const zeroEsi = [0x31, 0xf6];
  const zeroEdx = [0x31, 0xd2];
  const address = (opcode: readonly number[]): Piece => ({
    to: 'signals',
    size: 7,
    encode: (from, target) => [...opcode, ...little(target - (from + 7))],
  });
  const jump = (opcode: number, to: string): Piece => ({ to, size: 2, encode: (from, target) => [opcode, (target - (from + 2)) & 0xff] });
  return {
    machine: 62,
    code: assemble([
      [...setEax(14), ...zeroEdi],
      address([0x48, 0x8d, 0x35]),
      [...zeroEdx, ...setR10To8, ...syscall],
      label('loop'),
      setEax(128),
      address([0x48, 0x8d, 0x3d]),
      [...zeroEsi, ...zeroEdx, ...setR10To8, ...syscall],
      [0x83, 0xf8, 17],
      jump(0x74, 'reap'),
      [0x85, 0xc0],
      jump(0x78, 'loop'),
      [...setEax(60), ...zeroEdi, ...syscall],
      label('reap'),
      // wait4(-1, 0, WNOHANG, 0)
      [...setEax(61), 0x48, 0xc7, 0xc7, 0xff, 0xff, 0xff, 0xff, ...zeroEsi, 0xba, 1, 0, 0, 0, 0x45, 0x31, 0xd2, ...syscall],
      [0x85, 0xc0],
      jump(0x7f, 'reap'),
      jump(0xeb, 'loop'),
      label('signals'),
      signalSet(),
    ]),
  };
})();

const AARCH64: Machine = (() => {
  const set = (register: number, value: number): number[] => little((0xd2800000 | (value << 5) | register) >>> 0);
  const call = little(0xd4000001);
  const branch = (to: string, encode: (words: number) => number): Piece => ({
    to,
    size: 4,
    encode: (from, target) => little(encode((target - from) / 4) >>> 0),
  });
  const address = (register: number): Piece => ({
    to: 'signals',
    size: 4,
    encode: (from, target) => {
      const far = target - from;
      return little((0x10000000 | ((far & 3) << 29) | (((far >> 2) & 0x7ffff) << 5) | register) >>> 0);
    },
  });
  return {
    machine: 183,
    code: assemble([
      [...set(8, 135), ...set(0, 0)],
      address(1),
      [...set(2, 0), ...set(3, 8), ...call],
      label('loop'),
      set(8, 137),
      address(0),
      [...set(1, 0), ...set(2, 0), ...set(3, 8), ...call],
      // cmp w0, #17
      little(0x7100441f),
      branch('reap', (words) => 0x54000000 | ((words & 0x7ffff) << 5)),
      // tbnz w0, #31: negative
      branch('loop', (words) => 0x37f80000 | ((words & 0x3fff) << 5)),
      [...set(8, 93), ...set(0, 0), ...call],
      label('reap'),
      // x0 = -1
      [...set(8, 260), ...little(0x92800000), ...set(1, 0), ...set(2, 1), ...set(3, 0), ...call],
      // cmp w0, #0
      little(0x7100001f),
      branch('reap', (words) => 0x54000000 | ((words & 0x7ffff) << 5) | 12),
      branch('loop', (words) => 0x14000000 | (words & 0x3ffffff)),
      label('signals'),
      signalSet(),
    ]),
  };
})();
