import type { WireProfileVersion, WirePublishedProfile } from '@fornax/contracts';
import { schemasOf } from './lazy-parser.js';
import type { JsonCall } from './api-connection.js';

const schema = schemasOf(() => import('../schemas/profiles.js'));

const PROFILES = '/fornax/v1/profiles';
const queryOf = (query: Readonly<Record<string, string | number | undefined>>): string => {
  const said = Object.entries(query).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, String(value)] as const],
  );
  return said.length === 0 ? '' : `?${new URLSearchParams(Object.fromEntries(said)).toString()}`;
};
const pathOf = (name: string): string => `${PROFILES}/${encodeURIComponent(name)}`;

/** Profiles that people publish. `organization`: whose; absent: see the API. */
export class ProfilesClient {
  constructor(private readonly json: JsonCall) {}

  /** @param document as it was written */
  publish(document: unknown, organization?: string): Promise<WirePublishedProfile> {
    return this.json('POST', `${PROFILES}${queryOf({ organization })}`, schema('publishedProfileSchema'), {
      body: document,
    });
  }

  list(): Promise<readonly WirePublishedProfile[]> {
    return this.json('GET', PROFILES, schema('publishedProfilesSchema'));
  }

  /** @param which the newest version where it names none */
  show(
    name: string,
    which: { readonly version?: number | undefined; readonly organization?: string | undefined } = {},
  ): Promise<WireProfileVersion> {
    return this.json('GET', `${pathOf(name)}${queryOf(which)}`, schema('profileVersionSchema'));
  }

  versions(name: string, organization?: string): Promise<readonly WirePublishedProfile[]> {
    return this.json('GET', `${pathOf(name)}/versions${queryOf({ organization })}`, schema('publishedProfilesSchema'));
  }

  retire(name: string, organization?: string): Promise<WirePublishedProfile> {
    return this.json('POST', `${pathOf(name)}/retire${queryOf({ organization })}`, schema('publishedProfileSchema'));
  }
}
