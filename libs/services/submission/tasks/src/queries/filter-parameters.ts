/** Collects parameters of a statement; `add` gives a value's place. */
export class Parameters {
  readonly values: unknown[];
  /** True once a pattern of the caller is among them: how long it takes is the caller's doing. */
  hasPattern = false;

  /** @param owner whose tasks are asked for: always `$1` */
  constructor(readonly owner: string) {
    this.values = [owner];
  }

  add(value: unknown, type: string): string {
    this.values.push(value);
    return `$${this.values.length}::${type}`;
  }

  addPattern(pattern: string): string {
    this.hasPattern = true;
    return this.add(pattern, 'text');
  }
}
