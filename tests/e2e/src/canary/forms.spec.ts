import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Canaries, formsOf } from './forms.js';

const VALUE = 'cnry-ä+/=" 7f3a91';
const canaries = new Canaries({ it: VALUE });
const seen = (content: string | Buffer): readonly string[] => canaries.in(Buffer.from(content));

describe('forms of a canary', () => {
  it.each([
    ['clear', VALUE],
    ['UTF-16', Buffer.from(VALUE, 'utf16le')],
    ['UTF-16, the other way round', Buffer.from(VALUE, 'utf16le').swap16()],
    ['reversed', [...VALUE].reverse().join('')],
    ['hex', Buffer.from(VALUE).toString('hex')],
    ['URL-encoded', encodeURIComponent(VALUE)],
    ['in the body of a form', new URLSearchParams({ a: VALUE }).toString()],
    ['in JSON', JSON.stringify({ a: VALUE })],
    ['in a script of base64', Buffer.from(`echo ${VALUE} | wc -c`).toString('base64')],
  ])('are found: %s', (_, content) => {
    expect(seen(content)).not.toEqual([]);
    expect(seen(Buffer.concat([Buffer.from('before '), Buffer.from(content), Buffer.from(' after')]))).not.toEqual([]);
  });

  it('are found in base64 whatever stands before and behind', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), fc.uint8Array({ maxLength: 50 }), (before, after) => {
        const bytes = Buffer.concat([before, Buffer.from(VALUE), after]);
        expect(seen(bytes.toString('base64'))).not.toEqual([]);
        expect(seen(bytes.toString('base64url'))).not.toEqual([]);
      }),
    ));

  it('are none of something else', () => {
    expect(seen(`${VALUE.slice(1)} ${VALUE.slice(0, -1)}`)).toEqual([]);
    for (const { bytes } of formsOf(VALUE)) expect(bytes.length).toBeGreaterThan(12);
  });
});
