import { describe, expect, it } from '@jest/globals';

type Print = (chunk: string) => void;
interface Job {
  readonly name: string;
  readonly weight: number;
  readonly run: (print: Print) => Promise<unknown>;
}
interface Options {
  readonly width: number;
  readonly write: Print;
  readonly stopsAt?: (result: unknown) => boolean;
  readonly quietMs?: number;
}
interface SideBySide {
  readonly sideBySide: (jobs: readonly Job[], options: Options) => Promise<readonly unknown[]>;
}

const { sideBySide } = (await import(new URL('../../../tools/side-by-side.mjs', import.meta.url).href)) as SideBySide;

/** Jobs that print their name and wait until they are let go; `begun` are those that have begun, in their order. */
const jobsOf = (weights: Readonly<Record<string, number>>) => {
  const begun: string[] = [];
  const ends = new Map<string, (result: unknown) => void>();
  const jobs = Object.entries(weights).map(([name, weight]) => ({
    name,
    weight,
    run: async (print: Print): Promise<unknown> => {
      begun.push(name);
      print(`${name} begins\n`);
      const result = await new Promise((resolve) => ends.set(name, resolve));
      print(`${name} ends\n`);
      return result;
    },
  }));
  /** Lets a job end, and what follows from that happen. */
  const end = async (name: string, result: unknown): Promise<void> => {
    ends.get(name)?.(result);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { jobs, begun, end };
};

describe('what runs beside something else in npm run check', () => {
  it('begins in the order of the list, as far as there is room', async () => {
    const { jobs, begun, end } = jobsOf({ unit: 2, int: 5, contract: 1, fuzz: 1, e2e: 1 });
    const all = sideBySide(jobs, { width: 2, write: () => undefined });
    expect(begun).toEqual(['unit']);
    await end('unit', 0);
    expect(begun).toEqual(['unit', 'int']);
    await end('int', 0);
    expect(begun).toEqual(['unit', 'int', 'contract', 'fuzz']);
    await end('fuzz', 1);
    expect(begun).toEqual(['unit', 'int', 'contract', 'fuzz', 'e2e']);
    await end('e2e', 3);
    await end('contract', 2);
    expect(await all).toEqual([0, 0, 2, 1, 3]);
  });

  it('is shown whole and in order, what is first at once', async () => {
    const { jobs, end } = jobsOf({ contract: 1, fuzz: 1, e2e: 1 });
    let text = '';
    const all = sideBySide(jobs, { width: 2, write: (chunk) => (text += chunk) });
    const first = 'contract begins\n(fuzz has begun; what it prints follows)\n';
    expect(text).toBe(first);
    await end('fuzz', 0);
    expect(text).toBe(`${first}(e2e has begun; what it prints follows)\n`);
    await end('contract', 0);
    expect(text).toBe(
      `${first}(e2e has begun; what it prints follows)\ncontract ends\nfuzz begins\nfuzz ends\ne2e begins\n`,
    );
    await end('e2e', 0);
    await all;
    expect(text.endsWith('e2e begins\ne2e ends\n')).toBe(true);
  });

  it('says what is running when nothing is printed for long', async () => {
    const { jobs, end } = jobsOf({ contract: 1, fuzz: 1 });
    const quiet = await new Promise<string>((resolve) => {
      const write = (chunk: string): void => (chunk.startsWith('...') ? resolve(chunk) : undefined);
      void sideBySide(jobs, { width: 2, write, quietMs: 1 });
    });
    expect(quiet).toMatch(/^\.\.\. running: contract \d+ s, fuzz \d+ s\n$/);
    await end('contract', 0);
    await end('fuzz', 0);
  });

  it('begins nothing more after a result that stops it, and waits for what runs', async () => {
    const { jobs, begun, end } = jobsOf({ lint: 1, types: 1, format: 1 });
    const all = sideBySide(jobs, { width: 2, write: () => undefined, stopsAt: (result) => result !== 0 });
    await end('types', 1);
    await end('lint', 0);
    expect(await all).toEqual([0, 1]);
    expect(begun).toEqual(['lint', 'types']);
  });
});
