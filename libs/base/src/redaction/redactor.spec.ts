import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { KnownSecrets } from './known-secrets.js';
import { KnownTexts } from './known-texts.js';
import { REDACTED, Redactor } from './redactor.js';
import { formsOfSecrets, type SecretValue } from './secret-forms.js';

const run = (redactor: Redactor, chunks: readonly Buffer[]): string =>
  Buffer.concat([...chunks.map((chunk) => redactor.take(chunk)), redactor.end()]).toString('latin1');

const redacted = (secrets: readonly SecretValue[], text: string | Buffer): string => {
  const redactor = new KnownSecrets(secrets).redactor();
  return Buffer.concat([redactor.take(Buffer.from(text)), redactor.end()]).toString();
};
const lookingFor = (...texts: readonly (string | Buffer)[]): Redactor =>
  new Redactor({ texts: [new KnownTexts(texts.map((text) => Buffer.from(text)))] });

/** What it has to be: byte by byte, with every text tried at every place. */
const byHand = (
  texts: readonly string[],
  stream: string,
  isSeen: (at: number, text: string) => boolean = () => true,
): string => {
  const covered = new Set<number>();
  for (const text of texts)
    for (let at = stream.indexOf(text); at >= 0; at = stream.indexOf(text, at + 1))
      for (let index = at; index < at + text.length; index += 1) if (isSeen(at, text)) covered.add(index);
  return [...stream].map((letter, at) => (!covered.has(at) ? letter : covered.has(at - 1) ? '' : REDACTED)).join('');
};

// Two letters: texts overlap, hold one another and begin again all the time.
const word = (minLength: number, maxLength: number) =>
  fc.array(fc.constantFrom('a', 'b'), { minLength, maxLength }).map((letters) => letters.join(''));
const cuts = fc.array(fc.nat(), { maxLength: 12 });
const cutAt = (stream: string, at: readonly number[]): readonly Buffer[] => {
  const places = [0, ...at.map((cut) => cut % (stream.length + 1)).sort((one, other) => one - other), stream.length];
  return places.slice(1).map((place, index) => Buffer.from(stream.slice(places[index], place), 'latin1'));
};

describe('known texts in a stream', () => {
  it('are replaced wherever they are, in whatever pieces the stream comes', () =>
    fc.assert(
      fc.property(fc.array(word(1, 6), { minLength: 1, maxLength: 5 }), word(0, 60), cuts, (texts, stream, at) => {
        expect(run(lookingFor(...texts), cutAt(stream, at))).toBe(byHand(texts, stream));
      }),
      { numRuns: 2_000 },
    ));

  it('are found by several that look for them as by one', () =>
    fc.assert(
      fc.property(word(1, 6), word(1, 9), word(0, 60), cuts, (one, other, stream, at) => {
        const texts = [one, other].map((text) => new KnownTexts([Buffer.from(text)]));
        expect(run(new Redactor({ texts }), cutAt(stream, at))).toBe(byHand([one, other], stream));
      }),
      { numRuns: 2_000 },
    ));

  it('are found once they are known, those of before as well, in what is not given out yet and what follows', () =>
    fc.assert(
      fc.property(
        fc.array(word(1, 6), { maxLength: 2 }),
        word(1, 6),
        word(0, 30),
        word(0, 30),
        (texts, late, before, behind) => {
          const first = texts.map((text) => new KnownTexts([Buffer.from(text)]));
          const source = { texts: first };
          const redactor = new Redactor(source);
          const given = redactor.take(Buffer.from(before)).toString();
          source.texts = [...first, new KnownTexts([Buffer.from(late)])];
          const rest = run(redactor, [Buffer.from(behind)]);
          const isHeld = (from: number): boolean => texts.some((text) => text.startsWith(before.slice(from)));
          const heldFrom = [...before].findIndex((_, from) => isHeld(from));
          const isSeen = (at: number, text: string): boolean =>
            texts.includes(text) || at >= (heldFrom < 0 ? before.length : heldFrom);
          expect(given + rest).toBe(byHand([...texts, late], before + behind, isSeen));
        },
      ),
      { numRuns: 2_000 },
    ));

  it('hold back only what may be one', () => {
    const redactor = lookingFor('secret');
    expect(redactor.take(Buffer.from('a line\n')).toString()).toBe('a line\n');
    expect(redactor.take(Buffer.from('the sec')).toString()).toBe('the ');
    expect(redactor.take(Buffer.from('tion')).toString()).toBe('section');
    expect(redactor.take(Buffer.from('secretsec')).toString()).toBe(REDACTED);
    expect(redactor.end().toString()).toBe('sec');
  });

  it('take two steps for a byte at most, however they are made', () => {
    const bad = 'a'.repeat(40_000);
    const redactor = lookingFor(`${bad}b`, `${bad}c`);
    const steps = jest.spyOn(KnownTexts.prototype as unknown as { childOf: () => number }, 'childOf');
    // Each piece is the beginning of a text nearly to its end: looking again from each byte would take 40,000 for each.
    const stream = Buffer.from(`${'a'.repeat(39_999)}x`.repeat(5));
    for (let at = 0; at < stream.length; at += 10_000) redactor.take(stream.subarray(at, at + 10_000));
    redactor.end();
    expect(steps.mock.calls.length).toBeLessThanOrEqual(2 * stream.length);
    steps.mockRestore();
  });

  it('are found among all that begin alike and go on with every byte', () => {
    // In three orders: how they were added is nothing to how they are found.
    const bytes = Array.from({ length: 256 }, (_, byte) => byte);
    const mixed = bytes.map((byte) => (byte * 167) % 256);
    for (const order of [bytes, bytes.toReversed(), mixed]) {
      const left = order.filter((byte) => byte % 3 !== 0);
      const redactor = lookingFor(...left.map((byte) => Buffer.from([97, 97, byte])));
      for (const byte of bytes.filter((one) => one !== 97)) {
        const isKnown = byte % 3 !== 0;
        expect(run(redactor, [Buffer.from([120, 97, 97, byte, 120])])).toBe(
          isKnown ? `x${REDACTED}x` : Buffer.from([120, 97, 97, byte, 120]).toString('latin1'),
        );
      }
    }
  });

  it('cost a few copies of each byte, however long they are and small the pieces', () => {
    const long = 65_536;
    const redactor = lookingFor(`${'a'.repeat(long)}b`);
    let copied = 0;
    const set = Uint8Array.prototype.set;
    const sets = jest.spyOn(Uint8Array.prototype, 'set').mockImplementation(function (this: Uint8Array, from, at) {
      copied += from.length;
      set.call(this, from, at);
    });
    const { concat } = Buffer;
    const joins = jest.spyOn(Buffer, 'concat').mockImplementation((list) => {
      for (const { length } of list) copied += length;
      return concat(list);
    });
    const pieces = 2 * long;
    for (let piece = 0; piece < pieces; piece += 1) redactor.take(Buffer.from('a'));
    sets.mockRestore();
    joins.mockRestore();
    expect(copied).toBeLessThan(6 * pieces);
  });
});

describe('secrets', () => {
  const plain = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 40 }));
  const binary = fc.uint8Array({ minLength: 8, maxLength: 40 });

  it('are in nothing that comes out, in none of their forms', () =>
    fc.assert(
      fc.property(
        fc.array(fc.oneof(plain, binary), { minLength: 1, maxLength: 5 }),
        fc.array(fc.oneof(fc.string({ maxLength: 12 }), fc.nat(50)), { maxLength: 20 }),
        cuts,
        (secrets, parts, at) => {
          const forms = formsOfSecrets(secrets).map((form) => form.toString('latin1'));
          // One that holds an end of the mark could come about beside it.
          fc.pre(forms.length > 0 && !forms.some((form) => /[[\]]/.test(form)));
          const stream = parts.map((part) => (typeof part === 'string' ? part : forms[part % forms.length])).join('');
          const shown = run(new KnownSecrets(secrets).redactor(), cutAt(stream, at));
          expect(forms.filter((form) => shown.includes(form))).toEqual([]);
        },
      ),
    ));

  /** Ways in which programs write bytes down, each made otherwise than the forms that are looked for. */
  const writings: Readonly<Record<string, (value: Buffer, before: Buffer, behind: Buffer) => string>> = {
    base64: (value, before, behind) => Buffer.concat([before, value, behind]).toString('base64'),
    'the other base64': (value, before, behind) => Buffer.concat([before, value, behind]).toString('base64url'),
    'a URL, each byte': (value) => value.toString('latin1').replaceAll(/[^A-Za-z0-9_.~-]/g, (one) => escapedIn(one)),
    'a URL, in small letters': (value) =>
      value.toString('latin1').replaceAll(/[^A-Za-z0-9_.~-]/g, (one) => escapedIn(one).toLowerCase()),
    'a path': (value) => value.toString('latin1').replaceAll(/[^A-Za-z0-9_.~/-]/g, (one) => escapedIn(one)),
  };
  const escapedIn = (letter: string): string => `%${letter.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;

  it.each(Object.keys(writings))(
    'are found as %s, whatever stands before and behind, and wherever they are cut',
    (name) =>
      fc.assert(
        fc.property(
          binary,
          fc.uint8Array({ maxLength: 7 }),
          fc.uint8Array({ maxLength: 7 }),
          cuts,
          (value, before, behind, at) => {
            const write = writings[name] as (typeof writings)[string];
            // White space at the ends of a text is not looked for.
            fc.pre(Buffer.from(value).toString().trim() === Buffer.from(value).toString());
            const written = `<${write(Buffer.from(value), Buffer.from(before), Buffer.from(behind))}>`;
            const shown = run(new KnownSecrets([value]).redactor(), cutAt(written, at));
            expect(shown).toContain(REDACTED);
            // In base64 one letter at each end may hold bits of a neighbor, and of up to seven bytes come ten letters.
            expect(shown.length - REDACTED.length).toBeLessThanOrEqual(2 + 2 * 12 + 2);
          },
        ),
      ),
  );

  it('that come later are found from then on, and the first ones still', async () => {
    const secrets = new KnownSecrets();
    await secrets.begin(['the first value', 'short']);
    const redactor = secrets.redactor();
    const take = (text: string): string => redactor.take(Buffer.from(text)).toString();
    expect(take('the first value, the later value. ')).toBe(`${REDACTED}, the later value. `);
    await secrets.add(['the first value', 'the later value']);
    expect(take('the first value, the later value: dGhlIGxhdGVyIHZhbHVl. ')).toBe(
      `${REDACTED}, ${REDACTED}: ${REDACTED}. `,
    );
    expect(secrets.without('a note on the later value')).toBe(`a note on ${REDACTED}`);
  });

  it('that come later are looked for as long as they are a megabyte and a half, the newest first', async () => {
    const secrets = new KnownSecrets();
    const value = (number: number): string => `${number}-`.repeat(100_000);
    for (let number = 10; number < 16; number += 1) await secrets.add([value(number)]);
    for (const number of [11, 15]) expect(secrets.without(value(number))).toBe(REDACTED);
    expect(secrets.without(value(10))).not.toContain(REDACTED);
    // It is given again.
    await secrets.add([value(10)]);
    expect(secrets.without(value(10))).toBe(REDACTED);
  });

  it('that come later one by one are each part of few searches that are made, and few are needed', async () => {
    const secrets = new KnownSecrets();
    const value = (number: number): string => `value ${number} of many, and so on`;
    let bytes = 0;
    const piece = KnownTexts.inPieces.bind(KnownTexts);
    const making = jest.spyOn(KnownTexts, 'inPieces').mockImplementation((texts) => {
      for (const { length } of texts) bytes += length;
      return piece(texts);
    });
    const count = 200;
    for (let number = 0; number < count; number += 1) await secrets.add([value(number)]);
    making.mockRestore();
    const once = formsOfSecrets(Array.from({ length: count }, (_, number) => value(number)));
    // Each time all of them, it would be 100 times.
    expect(bytes).toBeLessThan(30 * once.reduce((sum, { length }) => sum + length, 0));
    expect(secrets.texts.length).toBeLessThanOrEqual(8);
    for (let number = 0; number < count; number += 1) expect(secrets.without(value(number))).toBe(REDACTED);
  });

  it('are made ready in pieces: others go on meanwhile, and whoever has few waits for nobody who has many', async () => {
    const many = Array.from({ length: 100 }, (_, number) => `${number} `.repeat(300));
    const [large, small] = [new KnownSecrets(), new KnownSecrets()];
    let isLargeReady = false;
    const becomesReady = large.begin(many).then(() => (isLargeReady = true));
    let turns = 0;
    const turn = (): void => {
      turns += 1;
      if (!isLargeReady) setImmediate(turn);
    };
    setImmediate(turn);
    await small.add(['a small value']);
    expect(isLargeReady).toBe(false);
    expect(small.without('a small value')).toBe(REDACTED);
    await becomesReady;
    // In one go it would be one.
    expect(turns).toBeGreaterThan(5);
    expect(large.without(many[99] ?? '')).toBe(REDACTED);
  });

  it('are in no short text, nor is what was left of one that was cut', () => {
    const secrets = new KnownSecrets(['p+ss/wörd "7" of the place']);
    expect(secrets.without('no file "p+ss/wör…": it is gone')).toBe(`no file "${REDACTED}…": it is gone`);
    expect(secrets.without(`no ${JSON.stringify('p+ss/wörd "7" of the place')} here`)).toBe(`no "${REDACTED}" here`);
    expect(secrets.without('no p+ss here')).toBe('no p+ss here');
  });

  it('are looked for by the same in all instances that have the same', async () => {
    const [one, same, other] = await Promise.all(
      [['a secret value'], ['a secret value'], ['another value']].map(async (values) => {
        const secrets = new KnownSecrets();
        await secrets.begin(values);
        return secrets.texts[0];
      }),
    );
    expect(one).toBe(same);
    expect(one).not.toBe(other);
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

  it('is found as the bytes that it is, where these are no text', () => {
    const bytes = Buffer.from([0xff, 0xfe, 0, 1, 2, 0xc3, 0x28, 0x80, 0x0a]);
    expect(redacted([bytes], Buffer.concat([Buffer.from('<'), bytes, Buffer.from('>')]))).toBe(`<${REDACTED}>`);
    expect(redacted([bytes], '<\ufffd\ufffd>')).toBe('<\ufffd\ufffd>');
  });

  it('is not looked for where it is short, or nothing', () => {
    expect(new KnownSecrets(['', '1234567', ' abc     ', '\n']).texts).toEqual([]);
    expect(redacted(['12345678'], 'x12345678x')).toBe(`x${REDACTED}x`);
  });

  it('is found as it is however much there is', () => {
    const many = Array.from({ length: 40 }, (_, index) => `${index}-`.repeat(10_000));
    const encoded = formsOfSecrets(many).reduce((sum, { length }) => sum + length, 0);
    expect(encoded).toBeLessThan(40 * 30_000 + 524_288);
    expect(redacted(many, `a${many[39]}b`)).toBe(`a${REDACTED}b`);
  });
});
