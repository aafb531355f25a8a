import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { KnownTexts } from './known-texts.js';
import { REDACTED, Redactor, redactorsOf } from './redactor.js';
import { formsOfSecrets } from './secret-forms.js';

const run = (redactor: Redactor, chunks: readonly Uint8Array[]): string =>
  Buffer.concat([...chunks.map((chunk) => redactor.take(chunk)), redactor.end()]).toString('latin1');

const redacted = (secrets: readonly string[], text: string): string => {
  const make = redactorsOf(secrets);
  if (make === undefined) return text;
  const redactor = make();
  return Buffer.concat([redactor.take(Buffer.from(text)), redactor.end()]).toString();
};

/** What it has to be: byte by byte, with every text tried at every place. */
const byHand = (texts: readonly string[], stream: string): string => {
  const covered = new Set<number>();
  for (const text of texts)
    for (let at = stream.indexOf(text); at >= 0; at = stream.indexOf(text, at + 1))
      for (let index = at; index < at + text.length; index += 1) covered.add(index);
  return [...stream].map((letter, at) => (!covered.has(at) ? letter : covered.has(at - 1) ? '' : REDACTED)).join('');
};

// Two letters: texts overlap, hold one another and begin again all the time.
const word = (minLength: number, maxLength: number) =>
  fc.array(fc.constantFrom('a', 'b'), { minLength, maxLength }).map((letters) => letters.join(''));
const cutAt = (stream: string, cuts: readonly number[]): readonly Buffer[] => {
  const places = [0, ...cuts.map((cut) => cut % (stream.length + 1)).sort((one, other) => one - other), stream.length];
  return places.slice(1).map((place, at) => Buffer.from(stream.slice(places[at], place), 'latin1'));
};

describe('known texts in a stream', () => {
  it('are replaced wherever they are, in whatever pieces the stream comes', () =>
    fc.assert(
      fc.property(
        fc.array(word(1, 6), { minLength: 1, maxLength: 5 }),
        word(0, 60),
        fc.array(fc.nat(), { maxLength: 12 }),
        (texts, stream, cuts) => {
          const known = new KnownTexts(texts.map((text) => Buffer.from(text)));
          expect(run(new Redactor(known), cutAt(stream, cuts))).toBe(byHand(texts, stream));
        },
      ),
      { numRuns: 2_000 },
    ));

  it('are not in what comes out', () =>
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme', minLength: 8, maxLength: 40 }), { minLength: 1, maxLength: 5 }),
        fc.array(fc.oneof(fc.string({ maxLength: 12 }), fc.nat(50)), { maxLength: 20 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (secrets, parts, cuts) => {
          const forms = formsOfSecrets(secrets).map((form) => form.toString('latin1'));
          // One that holds an end of the mark could come about beside it.
          fc.pre(!forms.some((form) => /[[\]]/.test(form)));
          const stream = parts.map((part) => (typeof part === 'string' ? part : forms[part % forms.length])).join('');
          const make = redactorsOf(secrets);
          const shown = make ? run(make(), cutAt(stream, cuts)) : stream;
          expect(forms.filter((form) => shown.includes(form))).toEqual([]);
        },
      ),
    ));

  it('hold back only what may be one', () => {
    const redactor = new Redactor(new KnownTexts([Buffer.from('secret')]));
    expect(redactor.take(Buffer.from('a line\n')).toString()).toBe('a line\n');
    expect(redactor.take(Buffer.from('the sec')).toString()).toBe('the ');
    expect(redactor.take(Buffer.from('tion')).toString()).toBe('section');
    expect(redactor.take(Buffer.from('secretsec')).toString()).toBe(REDACTED);
    expect(redactor.end().toString()).toBe('sec');
  });

  it('take time that grows with the stream alone, however they are made', () => {
    const bad = 'a'.repeat(40_000);
    const known = new KnownTexts([Buffer.from(`${bad}b`), Buffer.from(`${bad}c`)]);
    const redactor = new Redactor(known);
    const beginning = performance.now();
    // Each piece is the beginning of a text nearly to its end: looking again from each byte would take hours.
    const stream = Buffer.from(`${'a'.repeat(39_999)}x`.repeat(50));
    for (let at = 0; at < stream.length; at += 100_000) redactor.take(stream.subarray(at, at + 100_000));
    redactor.end();
    expect(performance.now() - beginning).toBeLessThan(20_000);
  });
});

describe('a secret', () => {
  const secret = 'p+ss/wörd "7"';
  it.each([
    ['as it is', secret],
    ['with white space around it where its value has some', ` ${secret}\n`],
    ['in base64', Buffer.from(secret).toString('base64').replaceAll('=', '')],
    ['in the other base64', Buffer.from(secret).toString('base64url')],
    ['in base64 with something before it', Buffer.from(`user:${secret}`).toString('base64url')],
    ['in a URL', encodeURIComponent(secret)],
    ['in a form', new URLSearchParams({ a: secret }).toString()],
    ['in JSON', JSON.stringify({ a: secret })],
  ])('is taken out %s', (_, text) => {
    const shown = redacted([secret, `${secret}\n`], `before ${text} behind`);
    expect(shown).toContain(REDACTED);
    expect(shown).toMatch(/^before .* behind$/s);
    for (const form of formsOfSecrets([secret])) expect(Buffer.from(shown).includes(form)).toBe(false);
  });

  it('is not looked for where it is short, or nothing', () => {
    expect(redactorsOf(['', '1234567', ' abc     ', '\n'])).toBeUndefined();
    expect(redacted(['12345678'], 'x12345678x')).toBe(`x${REDACTED}x`);
  });

  it('is found as it is however much there is', () => {
    const many = Array.from({ length: 40 }, (_, index) => `${index}-`.repeat(10_000));
    const encoded = formsOfSecrets(many).reduce((sum, { length }) => sum + length, 0);
    expect(encoded).toBeLessThan(40 * 30_000 + 524_288);
    expect(redacted(many, `a${many[39]}b`)).toBe(`a${REDACTED}b`);
  });
});
