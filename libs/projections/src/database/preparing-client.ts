import pg from 'pg';
import { brokenConnections } from './broken-connections.js';
import { PreparedNames } from './prepared-names.js';

type Send = (...args: readonly unknown[]) => unknown;

/** feature_not_supported: "cached plan must not change result type", of a statement whose tables were changed after it was prepared. */
const NOT_AS_PREPARED = '0A000';

/**
 * A plan that does without the values of parameters stays until statistics change, and fits the tables as they were when it was made: read from
 * one end to the other while they were small. So it is made anew this often.
 */
const PLAN_LASTS_MS = 5_000;

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;

/** Of all connections of the process: what one has counted, the next one prepares at once. */
const names = new PreparedNames();

/**
 * A connection that prepares the statements with parameters that come again and again: PostgreSQL parses and plans each of them once for
 * a session. Behaves like `pg.Client` in every other way. For the pool of a data source, as `extra.Client`.
 */
export class PreparingClient extends pg.Client {
  #plannedAt = performance.now();

  constructor(config?: string | pg.ClientConfig) {
    super(config);
    // The pool listens while a connection lies in it, and whoever takes one out a moment later. What ends it in between would end the process; so the next query rejects.
    this.on('error', () => brokenConnections.tell());
    const plain: Send = this.query.bind(this);
    const query: Send = (text, values, ...rest) => {
      if (typeof text !== 'string' || !Array.isArray(values) || values.length === 0 || rest.length > 0)
        return plain(text, values, ...rest);
      const name = names.of(text);
      return name === undefined ? plain(text, values) : this.#prepared(plain, { name, text, values });
    };
    Object.assign(this, { query });
  }

  async #prepared(send: Send, statement: Readonly<{ name: string; text: string; values: unknown }>): Promise<unknown> {
    try {
      if (performance.now() - this.#plannedAt > PLAN_LASTS_MS) {
        this.#plannedAt = performance.now();
        await send('DISCARD PLANS');
      }
      return await send(statement);
    } catch (error) {
      if (codeOf(error) !== NOT_AS_PREPARED) throw error;
      names.renew(statement.text);
      // Nothing was run. In a transaction everything before it is lost as well, so whoever began it begins again.
      if (this.getTransactionStatus() !== 'I') throw error;
      return send(statement.text, statement.values);
    }
  }
}
