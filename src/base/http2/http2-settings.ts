import { ConnectionError, ErrorCode, MOST_FRAME_BYTES, MOST_WINDOW, Setting } from './http2-frames.ts';

const SETTING_BYTES = 6;
const LARGEST_FRAME_LIMIT = 2 ** 24 - 1;

/** What a server must know of a client's SETTINGS. Throws ConnectionError. */
export const clientSettings = (payload: Buffer): { streamWindow: number | undefined } => {
  if (payload.length % SETTING_BYTES !== 0) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'SETTINGS has a wrong size');
  let streamWindow: number | undefined;
  for (let at = 0; at < payload.length; at += SETTING_BYTES) {
    const id = payload.readUInt16BE(at);
    const value = payload.readUInt32BE(at + 2);
    if (id === Setting.ENABLE_PUSH && value > 1) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'ENABLE_PUSH is no boolean');
    if (id === Setting.MAX_FRAME_SIZE && (value < MOST_FRAME_BYTES || value > LARGEST_FRAME_LIMIT))
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `MAX_FRAME_SIZE of ${value}`);
    if (id !== Setting.INITIAL_WINDOW_SIZE) continue;
    if (value > MOST_WINDOW) throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, `INITIAL_WINDOW_SIZE of ${value}`);
    streamWindow = value;
  }
  return { streamWindow };
};
