import type { TaskConstant } from '@fornax/domain';
import { constantIdentity, keptKeyIn, Sealer } from '@fornax/identity';
import { DataKeys } from '@fornax/service-kit';
import type { Harness } from './submission.fixture.js';

interface Sealed {
  readonly wrappedKey?: string;
  readonly sealed: Readonly<Record<string, string>>;
}
interface WithConstants {
  readonly constants?: readonly TaskConstant[];
  readonly wrappedKey?: string;
}

/** The sealed constants of a task or a pool as the last event says that has some. */
export const constantsOf = async (harness: Harness, aggregate: 'task' | 'pool', id: string): Promise<Sealed> => {
  const events = (await harness.log.readAggregate(aggregate, id)).flatMap((commit) => commit.events);
  const specs = events.map((event) => ('spec' in event ? event.spec : event) as WithConstants);
  const { constants = [], wrappedKey } = specs.findLast((spec) => spec.constants !== undefined) ?? {};
  const sealed = Object.fromEntries(constants.flatMap((one) => ('sealed' in one ? [[one.key, one.sealed]] : [])));
  return { sealed, ...(wrappedKey === undefined ? {} : { wrappedKey }) };
};

/** Their values, opened as those of `as`. @throws Error they are not its */
export const openedConstants = async (
  harness: Harness,
  aggregate: 'task' | 'pool',
  id: string,
  as = id,
): Promise<Readonly<Record<string, string>>> => {
  const { wrappedKey = '', sealed } = await constantsOf(harness, aggregate, id);
  const sealer = harness.test.app.get(Sealer);
  const keyId = keptKeyIn(wrappedKey);
  const key = keyId === undefined ? sealer.unwrap(wrappedKey) : await harness.test.app.get(DataKeys).find(keyId);
  return Object.fromEntries(
    Object.entries(sealed).map(([name, envelope]) => [
      name,
      sealer.open(key, envelope, constantIdentity(as, wrappedKey, name)),
    ]),
  );
};
