import { createHash } from 'node:crypto';

import { PiecedWork } from '../progress/pieced-work.js';
import { KnownTexts } from './known-texts.js';
import { Redactor, type TextSource } from './redactor.js';
import { formsInPieces, formsOfSecrets, SHORTEST_REDACTED_BYTES, type SecretValue } from './secret-forms.js';
import { TextGenerations } from './text-generations.js';

/** What finds the secrets of all instances of a process is made here: whatever they ask for, the rest of it goes on. */
const work = new PiecedWork();

/** By their digest, for as long as somebody looks for them: the instances of a task have the same secrets, and what finds a megabyte takes a tenth of a second to make. */
const made = new Map<string, WeakRef<KnownTexts>>();
/** Those that are being made. */
const beingMade = new Map<string, Promise<KnownTexts>>();

const digestOf = (parts: readonly Uint8Array[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length} `).update(part);
  return hash.digest('base64');
};

const bytesOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, { length }) => sum + length, 0);

const textsOf = (forms: readonly Buffer[]): Promise<KnownTexts> => {
  const id = digestOf(forms);
  const known = made.get(id)?.deref();
  if (known) return Promise.resolve(known);
  const others = beingMade.get(id);
  if (others) return others;
  for (const [other, one] of made) if (one.deref() === undefined) made.delete(other);
  const making = work
    .do(bytesOf(forms), KnownTexts.inPieces(forms))
    .then((texts) => {
      made.set(id, new WeakRef(texts));
      return texts;
    })
    .finally(() => beingMade.delete(id));
  beingMade.set(id, making);
  return making;
};

const formsOf = (values: readonly Buffer[]): Promise<readonly Buffer[]> =>
  work.do(bytesOf(values), formsInPieces(values));

/** The secrets of one instance, as they become known: those of its start, and those that it is given later. */
export class KnownSecrets implements TextSource {
  #first: readonly KnownTexts[];
  /** Of the values of its start. */
  readonly #digests = new Set<string>();
  readonly #later = new TextGenerations();
  #texts: readonly KnownTexts[];
  #before: Promise<unknown> = Promise.resolve();

  /** @param values few, which are known at once */
  constructor(values: readonly SecretValue[] = []) {
    const forms = formsOfSecrets(values);
    for (const value of values) this.#digests.add(digestOf([Buffer.from(value)]));
    this.#texts = this.#first = forms.length === 0 ? [] : [new KnownTexts(forms)];
  }

  get texts(): readonly KnownTexts[] {
    return this.#texts;
  }

  /** Adds the secrets of its start, which are looked for as long as there are any. */
  async begin(values: readonly SecretValue[]): Promise<void> {
    const all = values.map((value) => Buffer.from(value));
    const forms = await formsOf(all);
    if (forms.length > 0) this.#first = [...this.#first, await textsOf(forms)];
    for (const value of all) this.#digests.add(digestOf([value]));
    this.#texts = [...this.#first, ...this.#later.texts];
  }

  /** Adds what an instance is about to be given: once this is done, whatever is read is searched for it, too. */
  add(values: readonly SecretValue[]): Promise<void> {
    const done = this.#before.then(() => this.#add(values));
    this.#before = done.catch(() => undefined);
    return done;
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

  async #add(values: readonly SecretValue[]): Promise<void> {
    const given = new Map(
      values.map((value) => Buffer.from(value)).map((value) => [digestOf([value]), value] as const),
    );
    const unknown = [...given].filter(([digest]) => !this.#digests.has(digest) && !this.#later.has(digest));
    if (unknown.length === 0) return;
    const forms = await formsOf(unknown.map(([, value]) => value));
    const ids = unknown.map(([digest]) => digest);
    await work.do(bytesOf(forms), this.#later.add(ids, forms));
    this.#texts = [...this.#first, ...this.#later.texts];
  }
}
