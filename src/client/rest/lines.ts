/**
 * Cuts a stream of bytes into lines. Holds at most one unfinished line, of at most `maxBytes`; a longer one throws, since a
 * server that sends no line end must not fill the memory. The consumer's pace is the stream's pace.
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, options: { maxBytes?: number } = {}): AsyncGenerator<string> {
  const { maxBytes = 16 * 1024 * 1024 } = options;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const raw of chunks) {
    const chunk = Buffer.isBuffer(raw) ? raw : Buffer.from(raw);
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      const piece = chunk.subarray(from, end);
      const line = pending.length === 0 ? piece.toString('utf8') : Buffer.concat([...pending, piece]).toString('utf8');
      pending = [];
      pendingBytes = 0;
      from = end + 1;
      if (line.trim()) yield line;
    }
    if (from < chunk.length) {
      pending.push(chunk.subarray(from));
      pendingBytes += chunk.length - from;
      if (pendingBytes > maxBytes) throw new RangeError(`a line of more than ${maxBytes} bytes`);
    }
  }
  // A line without its end was cut off in the middle: it is not an event.
}
