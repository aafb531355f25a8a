import type { EventLog } from '@fornax/event-store';
import type { ObjectStore } from '@fornax/object-store';
import { carryOut, effectsOf, stepsOf } from '../effects/object-effect.js';
import { isSnapshotPrefix, STAGING_BUCKET, stagedTaskPrefix } from '../model/bucket-names.js';

const PAGE = 1_000;

/** Names of the folders of an area that are directly below a prefix. */
const foldersBelow = async (store: ObjectStore, area: string, prefix: string): Promise<readonly string[]> => {
  const folders: string[] = [];
  let after: string | undefined;
  do {
    const page: Awaited<ReturnType<ObjectStore['list']>> = await store.list(area, {
      prefix,
      delimiter: '/',
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    folders.push(...page.prefixes.map((folder) => folder.slice(prefix.length, -1)));
    after = page.next;
  } while (after !== undefined);
  return folders;
};

/** Snapshots of a task with anything in an area. */
export const snapshotsIn = async (store: ObjectStore, area: string, task: string): Promise<readonly string[]> =>
  (await foldersBelow(store, area, stagedTaskPrefix(task))).filter((folder) => isSnapshotPrefix(`${task}/${folder}/`));

/** Drops what would take the place of a newer object, from below a prefix `<task>/<lease or snapshot>/` of the staging area. */
export const dropOutdated = async (store: ObjectStore, prefix: string): Promise<void> => {
  let after: string | undefined;
  do {
    const page: Awaited<ReturnType<ObjectStore['list']>> = await store.list(STAGING_BUCKET, {
      prefix,
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    for (const { key, modifiedAt } of page.objects) {
      const [bucket = '', ...rest] = key.slice(prefix.length).split('/');
      const there = await store.head(bucket, rest.join('/'));
      if (there && there.modifiedAt > modifiedAt) await store.deleteMany(STAGING_BUCKET, [key]);
    }
    after = page.next;
  } while (after !== undefined);
};

/**
 * Results that came back to the staging area, because their manifest tells where a lease had put them, go where the log says: to their bucket when
 * the lease was concluded, away when its instance was tried again. Leases that live keep theirs. Safe to repeat.
 */
export const placeStagedResults = async (store: ObjectStore, log: EventLog): Promise<void> => {
  for (const task of await foldersBelow(store, STAGING_BUCKET, '')) {
    const commits = [await log.readAggregate('task', task)];
    for (const snapshot of await snapshotsIn(store, STAGING_BUCKET, task))
      commits.push(await log.readAggregate('snapshot', snapshot));
    const inOrder = commits.flat().sort((a, b) => a.sequence - b.sequence);
    for (const step of stepsOf(effectsOf(inOrder))) {
      for (const prefix of step.published) await dropOutdated(store, prefix);
      await carryOut(store, step);
    }
  }
};
