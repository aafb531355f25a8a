import { crc32, deflateSync } from 'node:zlib';

/** Pixels row by row, three bytes each (red, green, blue). */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** The header of a PPM: magic, width, height, largest value, each followed by white space; `#` starts a comment. */
const HEADER = /^(P3|P6)\s+(?:#.*\n\s*)*(\d+)\s+(\d+)\s+255\s/;

/**
 * Reads a portable pixmap, binary (P6) or text (P3), with 255 as the largest value.
 * @throws Error it is not one, or it is cut short
 */
export const decodePpm = (file: Uint8Array): Picture => {
  const header = HEADER.exec(Buffer.from(file.subarray(0, 200)).toString('latin1'));
  if (header === null) throw new Error('not a PPM picture');
  const [{ length }, magic, width, height] = [header[0], header[1], Number(header[2]), Number(header[3])];
  const body = file.subarray(length);
  const pixels =
    magic === 'P6'
      ? body.slice(0, width * height * 3)
      : Uint8Array.from(Buffer.from(body).toString('latin1').trim().split(/\s+/), Number);
  if (pixels.length !== width * height * 3) throw new Error('a PPM picture that is cut short');
  return { width, height, pixels };
};

/**
 * Puts pictures of the same width one below the other, first on top.
 * @throws Error there is none, or their widths differ
 */
export const stack = (pictures: readonly Picture[]): Picture => {
  const [first] = pictures;
  if (first === undefined) throw new Error('no pictures to put together');
  if (pictures.some(({ width }) => width !== first.width)) throw new Error('pictures of different widths');
  return {
    width: first.width,
    height: pictures.reduce((sum, { height }) => sum + height, 0),
    pixels: new Uint8Array(Buffer.concat(pictures.map(({ pixels }) => pixels))),
  };
};

const chunk = (type: string, data: Uint8Array): Buffer => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
};

/** Writes a PNG (ISO/IEC 15948): 8 bits a channel, true color, every row with the filter "up" unless it is the first. */
export const encodePng = ({ width, height, pixels }: Picture): Buffer => {
  const stride = width * 3;
  const rows = Buffer.alloc((stride + 1) * height);
  for (let row = 0; row < height; row += 1) {
    const at = row * (stride + 1);
    rows[at] = 2;
    for (let index = 0; index < stride; index += 1) {
      const above = row === 0 ? 0 : (pixels[(row - 1) * stride + index] ?? 0);
      rows[at + 1 + index] = (pixels[row * stride + index] ?? 0) - above;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
};
