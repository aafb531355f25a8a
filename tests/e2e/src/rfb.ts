import { createCipheriv } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** What a viewer sees of a desktop. */
export interface Desktop {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Colors of the whole picture, each once: red, green and blue. */
  readonly colors: readonly number[];
}

const VERSION = 'RFB 003.008\n';
const NONE = 1;
const VNC_AUTHENTICATION = 2;
const CHALLENGE_BYTES = 16;
const RAW = 0;
const LONG_MS = 20_000;

const reversed = (byte: number): number =>
  parseInt(byte.toString(2).padStart(8, '0').split('').toReversed().join(''), 2);

/** What answers a challenge: DES, by the password with the bits of each letter the other way round. Thrice with the same key is once. */
const answerTo = (challenge: Buffer, password: string): Buffer => {
  const key = Buffer.alloc(8);
  Buffer.from(password, 'latin1').copy(key);
  const one = Buffer.from(key.map(reversed));
  const cipher = createCipheriv('des-ede3-ecb', Buffer.concat([one, one, one]), null).setAutoPadding(false);
  return Buffer.concat([cipher.update(challenge), cipher.final()]);
};

/** What a server says, so many bytes at a time. */
class Said {
  #held = Buffer.alloc(0);
  readonly #chunks: AsyncIterator<Buffer>;

  constructor(readonly socket: Socket) {
    this.#chunks = (socket as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }

  /** @throws Error the server ends before */
  async take(bytes: number): Promise<Buffer> {
    while (this.#held.length < bytes) {
      const { done = false, value } = await this.#chunks.next();
      if (done) throw new Error('the server ended the connection');
      this.#held = Buffer.concat([this.#held, value as Buffer]);
    }
    const taken = this.#held.subarray(0, bytes);
    this.#held = this.#held.subarray(bytes);
    return taken;
  }
}

/** Logs in. @throws Error the server speaks something else, or the password is wrong */
const login = async (said: Said, password: string): Promise<void> => {
  const { socket } = said;
  const version = (await said.take(VERSION.length)).toString();
  if (version !== VERSION) throw new Error(`it speaks ${version}`);
  socket.write(VERSION);
  const [count = 0] = await said.take(1);
  const kinds = [...(await said.take(count))];
  if (!kinds.includes(VNC_AUTHENTICATION) || kinds.includes(NONE)) throw new Error(`it lets in by ${kinds.join()}`);
  socket.write(Buffer.from([VNC_AUTHENTICATION]));
  socket.write(answerTo(await said.take(CHALLENGE_BYTES), password));
  if ((await said.take(4)).readUInt32BE() === 0) return;
  const why = await said.take((await said.take(4)).readUInt32BE());
  throw new Error(`refused: ${why.toString()}`);
};

const updated = async (said: Said): Promise<readonly number[]> => {
  const rectangles = (await said.take(4)).readUInt16BE(2);
  const colors = new Set<number>();
  for (let each = 0; each < rectangles; each += 1) {
    const head = await said.take(12);
    if (head.readInt32BE(8) !== RAW) throw new Error(`it sends encoding ${head.readInt32BE(8)}`);
    const pixels = await said.take(head.readUInt16BE(4) * head.readUInt16BE(6) * 4);
    for (let at = 0; at < pixels.length; at += 4) colors.add(pixels.readUInt32LE(at) & 0xffffff);
  }
  return [...colors].toSorted((one, other) => one - other);
};

/** Looks at a desktop as a viewer does: the handshake of RFB 3.8 with a password, and the whole picture once. @throws Error */
export const lookAt = async (host: string, port: number, password: string): Promise<Desktop> => {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect');
    const said = new Said(socket.setTimeout(LONG_MS, () => socket.destroy()));
    await login(said, password);
    socket.write(Buffer.from([1]));
    const head = await said.take(24);
    const [width, height] = [head.readUInt16BE(0), head.readUInt16BE(2)];
    const name = (await said.take(head.readUInt32BE(20))).toString();
    // 32 bits for each pixel, little-endian, eight for each color; nothing but raw pictures; all of it.
    socket.write(Buffer.from([0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]));
    socket.write(Buffer.from([2, 0, 0, 1, 0, 0, 0, RAW]));
    const request = Buffer.alloc(10);
    request.writeUInt8(3);
    request.writeUInt16BE(width, 6);
    request.writeUInt16BE(height, 8);
    socket.write(request);
    return { name, width, height, colors: await updated(said) };
  } finally {
    socket.destroy();
  }
};
