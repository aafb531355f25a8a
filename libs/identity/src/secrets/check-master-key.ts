import type { EventLog } from '@fornax/event-store';
import { ConfigError } from '@fornax/base';
import { commitsOf } from './read-whole.js';
import type { Sealer } from './sealer.js';

/** The secrets of tokens in a log, sealed, oldest first. */
async function* sealedTokens(log: EventLog): AsyncGenerator<string> {
  for await (const { events } of commitsOf(log, 'account'))
    for (const event of events) if (event.type === 'TokenIssued' && event.sealedSecret !== '') yield event.sealedSecret;
}

/**
 * Checks that the master key opens what the log holds sealed. What is checked is the data itself, so that no check value can be lost or kept
 * beside the wrong key: the first token of the log does, or, where an older release made a new key in the place of a lost one, a later one.
 * @param source where the key comes from, for people
 * @param lostFor the log whose master key an operator has given up (`FORNAX_MASTER_KEY_LOST`): exactly this log's epoch, or it counts for nothing
 * @returns whether the key opens what the log holds; not, where that was given up
 * @throws ConfigError no token of the log opens
 * @throws Error the log cannot be read
 */
export const checkMasterKey = async (
  log: EventLog,
  sealer: Sealer,
  { source, lostFor }: { readonly source: string; readonly lostFor?: string | undefined },
): Promise<boolean> => {
  let tokens = 0;
  const { epoch } = await log.head();
  for await (const sealed of sealedTokens(log)) {
    if (sealer.opens(sealed)) return true;
    tokens += 1;
  }
  if (tokens === 0) return true;
  if (lostFor === epoch) return false;
  throw new ConfigError([
    `${source}: this key does not open what the event log holds sealed (tokens, secrets of tasks, webhooks). ` +
      'Put back the key that the log was written with, from a backup. ' +
      `If it is lost for good, start once with FORNAX_MASTER_KEY_LOST=${epoch}: all of that stays closed for ever then (docs/how-to/recover.md)`,
  ]);
};
