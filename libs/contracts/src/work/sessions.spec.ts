import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Frame, FrameReader, frameOf, FRAMES, sessionRequestSchema, sizeIn } from './sessions.js';
import { cannotLine, parseWayOver, parseWayReady } from './ways.js';

const frames = fc.array(
  fc.record({ kind: fc.constantFrom<Frame>(...Object.values(FRAMES)), payload: fc.uint8Array({ maxLength: 300 }) }),
  { maxLength: 8 },
);

describe('frames of a session', () => {
  it('are read again, in whatever pieces they come', () => {
    fc.assert(
      fc.property(frames, fc.integer({ min: 1, max: 50 }), (sent, size) => {
        const bytes = Buffer.concat(sent.map(({ kind, payload }) => frameOf(kind, payload)));
        const reader = new FrameReader();
        const got: unknown[] = [];
        for (let at = 0; at < bytes.length; at += size)
          for (const { kind, payload } of reader.take(bytes.subarray(at, at + size)))
            got.push({ kind, payload: Uint8Array.from(payload) });
        expect(got).toEqual(sent);
      }),
    );
  });

  it('are gathered byte by byte without copies of all that came before', () => {
    const frame = frameOf(FRAMES.input, new Uint8Array(1_048_576).fill(7));
    const reader = new FrameReader();
    const sizes: number[] = [];
    const begun = performance.now();
    for (let at = 0; at < frame.length; at += 1)
      for (const { payload } of reader.take(frame.subarray(at, at + 1))) sizes.push(payload.length);
    expect(sizes).toEqual([1_048_576]);
    // Half a terabyte took minutes.
    expect(performance.now() - begun).toBeLessThan(30_000);
  });

  it('are nothing else: no other kind, none without end', () => {
    const take = (...bytes: number[]): unknown => [...new FrameReader().take(Uint8Array.from(bytes))];
    expect(() => take(7, 0, 0, 0, 0)).toThrow('no frame');
    expect(() => take(0, 255, 255, 255, 255)).toThrow('no frame');
    expect(take(0, 0, 0)).toEqual([]);
  });

  it('say the size of a terminal, within bounds', () => {
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    expect(sizeIn(bytes('24 80'))).toEqual({ rows: 24, columns: 80 });
    for (const wrong of ['0 80', '24', '24 80 1', '24 99999', 'x y']) expect(sizeIn(bytes(wrong))).toBeUndefined();
  });
});

describe('what is asked of a session', () => {
  const reads = (body: object): boolean => sessionRequestSchema.safeParse(body).success;
  it('has a program, words that a command line takes, and a terminal of a kind that is a name', () => {
    expect(reads({ kind: 'exec', command: ['sh', '', '-c'] })).toBe(true);
    for (const command of [[], [''], ['a\0b'], ['x'.repeat(40_000)]])
      expect(reads({ kind: 'exec', command })).toBe(false);
    const terminal = { rows: 24, columns: 80, term: 'xterm-256color' };
    expect(reads({ kind: 'exec', command: ['sh'], terminal })).toBe(true);
    expect(reads({ kind: 'exec', command: ['sh'], terminal: { ...terminal, term: 'a b' } })).toBe(false);
  });
});

describe('what an agent says on the link of a session', () => {
  it('fits a line, whatever the sentence is', () => {
    expect(parseWayReady('ready')).toEqual({});
    expect(parseWayReady(cannotLine('no way in').trimEnd())).toEqual({ why: 'no way in' });
    const long = cannotLine(`a\nlink forged\n${'x'.repeat(500)}`);
    expect(long.trimEnd()).not.toContain('\n');
    expect(parseWayReady(long.trimEnd()).why).toMatch(/^a link forged x+$/);
    expect(parseWayReady('what?')).toEqual({ why: 'its node does not say why' });
    expect(parseWayOver(`over ${'t'.repeat(32)} 137`)).toEqual({ ticket: 't'.repeat(32), exitCode: 137 });
    expect(parseWayOver('over t 137')).toBeUndefined();
  });
});
