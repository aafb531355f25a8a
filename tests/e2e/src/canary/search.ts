import { Canaries } from './forms.js';

/** Where a value may be: what it is, and the places that are made for it. */
export type Homes = readonly (readonly [what: RegExp, place: RegExp])[];

/** Looks for values wherever it is led, and remembers where they were found. */
export class Search {
  private readonly canaries: Canaries;
  private readonly seen = new Map<string, Set<string>>();
  private readonly looked = new Map<string, number>();

  constructor(
    values: Readonly<Record<string, string | Buffer>>,
    private readonly homes: Homes,
  ) {
    this.canaries = new Canaries(values);
  }

  /** @param kind of place, as in `table` @param place as people would name it */
  look(kind: string, place: string, content: Buffer | string): void {
    this.looked.set(kind, (this.looked.get(kind) ?? 0) + content.length);
    const found = this.canaries
      .in(typeof content === 'string' ? Buffer.from(content) : content)
      .filter((what) => !this.homes.some(([whose, home]) => whose.test(what) && home.test(`${kind} ${place}`)));
    if (found.length === 0) return;
    const known = this.seen.get(`${kind} ${place}`) ?? new Set();
    for (const what of found) known.add(what);
    this.seen.set(`${kind} ${place}`, known);
  }

  /** Places where something was found that should not be there, with what it was. */
  leaks(isOne: (what: string) => boolean): readonly string[] {
    return [...this.seen].flatMap(([place, all]) => {
      const some = [...all].filter(isOne);
      return some.length === 0 ? [] : [`${place}: ${some.join(', ')}`];
    });
  }

  /** Bytes that were looked at, by kind of place. */
  get sizes(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.looked);
  }
}
