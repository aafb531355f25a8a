import type { RecordedCommit } from '@fornax/contracts';
import type { ProfileDocument, ProfileEvent, PublishedProfileState } from '@fornax/domain';

/** A row of `profile`. */
export interface ProfileRow {
  readonly profile_id: string;
  readonly owner: string;
  readonly name: string;
  /** The newest one. */
  readonly version: number;
  readonly retired_ms: number | string | null;
  /** Of its last commit. */
  readonly sequence: number | string;
}

/** A row of `profile_version`. */
export interface VersionRow {
  readonly profile_id: string;
  readonly version: number;
  readonly document: ProfileDocument;
  readonly published_ms: number | string;
  /** Who published it, as the commit says. */
  readonly published_by: string;
}

/** A profile with one of its versions. */
export type ProfileRecord = Omit<ProfileRow, 'version'> & VersionRow & { readonly newest: number };

/** The fold of the aggregate, as the row of its newest version keeps it. */
export const stateOf = ({ newest, retired_ms: retired, document }: ProfileRecord): PublishedProfileState => ({
  version: newest,
  isRetired: retired !== null,
  document,
});

/** What a batch makes of profiles. */
export interface ProfileChanges {
  readonly profiles: readonly ProfileRow[];
  readonly versions: readonly VersionRow[];
}

/** Folds a batch onto nothing: each event says all that its rows need. */
export const changesOf = (batch: readonly RecordedCommit[]): ProfileChanges => {
  const profiles = new Map<string, ProfileRow>();
  const versions: VersionRow[] = [];
  for (const { aggregateId, events, sequence, meta } of batch)
    // The aggregate's name in the subject is what makes these events of profiles.
    for (const event of events as readonly ProfileEvent[]) {
      const { owner, version, at } = event;
      const isRetired = event.type === 'ProfileRetired';
      const name = isRetired ? event.name : event.document.name;
      profiles.set(aggregateId, {
        profile_id: aggregateId,
        owner,
        name,
        version,
        retired_ms: isRetired ? Math.round(at) : null,
        sequence,
      });
      if (event.type === 'ProfilePublished')
        versions.push({
          profile_id: aggregateId,
          version,
          document: event.document,
          published_ms: Math.round(at),
          published_by: meta.actor,
        });
    }
  return { profiles: [...profiles.values()], versions };
};
