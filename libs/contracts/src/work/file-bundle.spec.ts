import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeBundle, encodeBundle } from './file-bundle.js';

const file = fc.record({
  key: fc.string({ minLength: 1, unit: 'grapheme' }),
  mode: fc.constantFrom('100644', '100755'),
  bytes: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
});

describe('a bundle of files', () => {
  it('is read as it was written', () =>
    fc.assert(
      fc.property(fc.array(file, { minLength: 1, maxLength: 5 }), (files) =>
        expect(decodeBundle(encodeBundle(files))).toEqual(files),
      ),
    ));

  it('is none when it was cut, has more behind it, or says something else', () => {
    const whole = encodeBundle([{ key: 'a', mode: '100644', bytes: Buffer.from('hello') }]);
    for (let length = 0; length < whole.byteLength; length += 1)
      expect(decodeBundle(whole.subarray(0, length))).toBeUndefined();
    expect(decodeBundle(Buffer.concat([whole, Buffer.from('x')]))).toBeUndefined();
    const listed = (list: unknown): Buffer => {
      const json = Buffer.from(JSON.stringify(list));
      const length = Buffer.alloc(4);
      length.writeUInt32BE(json.byteLength);
      return Buffer.concat([length, json]);
    };
    const plain = { key: 'a', size: 0, mode: '100644' };
    expect(decodeBundle(listed([plain]))).toHaveLength(1);
    for (const list of [
      [],
      {},
      [{ ...plain, key: '' }],
      [{ ...plain, size: -1 }],
      [{ ...plain, more: 1 }],
      [{ ...plain, mode: 'x\r\n' }],
    ])
      expect(decodeBundle(listed(list))).toBeUndefined();
  });
});
