import type { EventLog } from '@fornax/event-store';
import { ConfigError } from '../config/load-config.js';
import type { Sealer } from './sealer.js';

/** The secrets of tokens in a log, sealed, oldest first. */
async function* sealedTokens(log: EventLog): AsyncGenerator<string> {
  const { sequence } = await log.head();
  if (sequence === 0) return;
  for await (const batch of log.read({ from: 1, to: sequence, aggregates: ['account'], maxBatch: 50 }))
    for (const event of batch.flatMap(({ events }) => events))
      if (event.type === 'TokenIssued') yield event.sealedSecret;
}

const opens = (sealer: Sealer, sealed: string): boolean => {
  try {
    sealer.openWithMaster(sealed);
    return true;
  } catch {
    return false;
  }
};

/**
 * Checks that the master key opens what the log holds sealed. What is checked is the data itself, so that no check value can be lost or kept
 * beside the wrong key: the first token of the log does, or, where an older release made a new key in the place of a lost one, a later one.
 * A log that cannot be read now says nothing; whoever follows it tells why.
 * @param source where the key comes from, for people
 * @throws ConfigError no token of the log opens
 */
export const checkMasterKey = async (log: EventLog, sealer: Sealer, source: string): Promise<void> => {
  let tokens = 0;
  try {
    for await (const sealed of sealedTokens(log)) {
      if (opens(sealer, sealed)) return;
      tokens += 1;
    }
  } catch {
    return;
  }
  if (tokens === 0) return;
  throw new ConfigError([
    `${source}: this key does not open what the event log holds sealed (tokens, secrets of tasks, webhooks). ` +
      'Put back the key that the log was written with, from a backup',
  ]);
};
