import { createHash } from 'node:crypto';

import { KnownTexts } from './known-texts.js';
import { Redactor, type TextSource } from './redactor.js';
import { formsOfSecrets, SHORTEST_REDACTED_BYTES, type SecretValue } from './secret-forms.js';

/** Of values that are added later, the newest are looked for: what finds them is made anew each time. */
const MOST_LATER_BYTES = 1_048_576;

/** By their digest, for as long as somebody looks for them: the instances of a task have the same secrets, and what finds a megabyte takes a tenth of a second to make. */
const made = new Map<string, WeakRef<KnownTexts>>();

const digestOf = (parts: readonly Uint8Array[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length} `).update(part);
  return hash.digest('base64');
};

const textsOf = (forms: readonly Buffer[]): KnownTexts => {
  const id = digestOf(forms);
  const known = made.get(id)?.deref();
  if (known) return known;
  for (const [other, one] of made) if (one.deref() === undefined) made.delete(other);
  const texts = new KnownTexts(forms);
  made.set(id, new WeakRef(texts));
  return texts;
};

/** The newest values that are no more than so many bytes together. */
const newest = (values: ReadonlyMap<string, Buffer>, most: number): ReadonlyMap<string, Buffer> => {
  let left = most;
  const all = [...values];
  const from = all.findLastIndex(([, { length }]) => (left -= length) < 0);
  return new Map(all.slice(from + 1));
};

/** The secrets of one instance, as they become known: those of its start, and those that it is given later. */
export class KnownSecrets implements TextSource {
  private readonly first: readonly KnownTexts[];
  /** Of the values of its start. */
  private readonly digests: ReadonlySet<string>;
  /** Values that came later, by their digests, newest last. */
  private later: ReadonlyMap<string, Buffer> = new Map();
  #texts: readonly KnownTexts[];

  constructor(values: readonly SecretValue[]) {
    const forms = formsOfSecrets(values);
    this.digests = new Set(values.map((value) => digestOf([Buffer.from(value)])));
    this.#texts = this.first = forms.length === 0 ? [] : [textsOf(forms)];
  }

  get texts(): readonly KnownTexts[] {
    return this.#texts;
  }

  /** Adds what an instance is about to be given: whatever is read from now on is searched for it, too. */
  add(values: readonly SecretValue[]): void {
    const given = values.map((value) => Buffer.from(value)).map((value) => [digestOf([value]), value] as const);
    const unknown = given.filter(([digest]) => !this.digests.has(digest) && !this.later.has(digest));
    if (unknown.length === 0) return;
    this.later = newest(new Map([...this.later, ...unknown]), MOST_LATER_BYTES);
    const forms = formsOfSecrets([...this.later.values()]);
    this.#texts = forms.length === 0 ? this.first : [...this.first, new KnownTexts(forms)];
  }

  /** @returns what takes them out of one stream */
  redactor(): Redactor {
    return new Redactor(this);
  }

  /** A short text without them, and without what may be left of one that was cut: its beginning, of 8 bytes and more. */
  without(text: string): string {
    if (this.#texts.length === 0) return text;
    const redactor = new Redactor(this, SHORTEST_REDACTED_BYTES);
    return Buffer.concat([redactor.take(Buffer.from(text)), redactor.end()]).toString();
  }
}
