import type { Parser } from './wire-types.js';

/** A parser that is read when it is needed. */
export type LazyParser<T> = () => Promise<Parser<T>>;

type Parsed<S> = S extends Parser<infer T> ? T : never;

/**
 * Names the schemas of a module, which is read with the first answer that one of them is for: building those of the whole API takes longer than most
 * requests, and a command needs a few.
 */
export const schemasOf =
  <M extends object>(load: () => Promise<M>) =>
  <K extends keyof M>(name: K): LazyParser<Parsed<M[K]>> =>
  async () =>
    (await load())[name] as Parser<Parsed<M[K]>>;
