import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { jsonText, wantsJsonText } from './json-text.interceptor.js';

const joined = async (pieces: readonly Buffer[]): Promise<string> => {
  let text = '';
  for await (const piece of jsonText(pieces)) text += piece;
  return text;
};

describe('output as a JSON string', () => {
  it('decodes to the text, wherever it was cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.array(fc.nat(40)), async (text, cuts) => {
        const bytes = Buffer.from(text.toWellFormed());
        const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
        const pieces = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        expect(JSON.parse(await joined(pieces))).toBe(text.toWellFormed());
      }),
    );
  });

  it('replaces what is not UTF-8, since a JSON string cannot hold it', async () => {
    expect(JSON.parse(await joined([Buffer.from([0x61, 0xff, 0x62])]))).toBe('a\ufffdb');
  });

  it('is for requests with a JSON content type, no body and no Accept alone', () => {
    const json = { 'content-type': 'application/json' };
    expect(wantsJsonText({ headers: json })).toBe(true);
    expect(wantsJsonText({ headers: { ...json, 'content-length': '0' } })).toBe(true);
    expect(wantsJsonText({ headers: { ...json, 'content-length': '2' } })).toBe(false);
    expect(wantsJsonText({ headers: { ...json, 'transfer-encoding': 'chunked' } })).toBe(false);
    expect(wantsJsonText({ headers: { ...json, accept: '*/*' } })).toBe(false);
    expect(wantsJsonText({ headers: {} })).toBe(false);
  });
});
