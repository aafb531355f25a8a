import { describe, expect, it } from '@jest/globals';
import { type Manifest, encodeManifest, readManifest } from './manifest.js';

const FILE = '11111111-2222-4333-8444-555555555555';
const OTHER = '99999999-2222-4333-8444-555555555555';
const manifest: Manifest = {
  fileId: FILE,
  bucket: 'b',
  key: 'a//b "\\\u{1f600}',
  etag: 'e'.repeat(32),
  contentType: 'text/plain',
  userMetadata: { color: 'blue' },
  modifiedAt: new Date(1_800_000_000_123),
  pieces: [{ fileId: FILE, sizeBytes: 7 }],
};
const hostile = Object.fromEntries([
  ['__proto__', 'x'],
  ['constructor', 'y'],
  ['toString', 'z'],
]);
const many: Manifest = {
  ...manifest,
  pieces: Array.from({ length: 10_000 }, () => ({ fileId: OTHER, sizeBytes: 5_242_880 })),
};

const withExtras: Manifest = {
  ...manifest,
  contentHeaders: { 'cache-control': 'no-store', expires: 'never' },
  checksum: { algorithm: 'crc32', type: 'composite', value: 'AAAAAA==-2', parts: ['AAAAAA==', 'AAAAAA=='] },
};

const from = (file: Buffer, fileId = FILE): Promise<Manifest | undefined> =>
  readManifest(fileId, async (bytes) => file.subarray(Math.max(0, file.byteLength - bytes)));

describe('a manifest behind a payload', () => {
  it.each([
    ['of one piece', manifest],
    ['of ten thousand', many],
    ['of headers about the content and a checksum', withExtras],
    ['of metadata with names that objects have anyway', { ...manifest, userMetadata: hostile }],
  ])('is read back as it was written: %s', async (_name, written) => {
    const file = Buffer.concat([Buffer.from('payload'), encodeManifest(written)]);
    expect(await from(file)).toEqual(written);
  });

  it('counts in the file that it was written for alone', async () => {
    expect(await from(encodeManifest(manifest), OTHER)).toBeUndefined();
  });

  it('is none when a single bit of it differs, or a part of it is missing', async () => {
    const whole = encodeManifest(manifest);
    for (let at = 0; at < whole.byteLength; at += 1) {
      const flipped = Buffer.from(whole);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      expect(await from(flipped)).toBeUndefined();
      expect(await from(whole.subarray(0, at))).toBeUndefined();
    }
  });

  it('is none in files of any other content', async () => {
    for (const content of ['', 'FXOBJ001', 'x'.repeat(5000), `${'\0'.repeat(40)}\xff\xff\xff\xffFXOBJ001`])
      expect(await from(Buffer.from(content, 'latin1'))).toBeUndefined();
  });
});
