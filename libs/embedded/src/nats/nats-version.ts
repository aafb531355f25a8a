/** A released version of nats-server, compared by its three numbers; a suffix such as `-beta.1` is ignored. */
export interface NatsVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** The oldest server that Fornax runs on: atomic commits need nothing newer, see the architecture page. */
export const MINIMUM_NATS = { major: 2, minor: 9, patch: 0 } as const;

/** The first server that can flush to disk before it acknowledges (`sync_interval: always`, release notes of 2.10). */
export const FIRST_DURABLE_NATS = { major: 2, minor: 10, patch: 0 } as const;

/** The first server with an auth callout (release notes of 2.10): nodes that join later need it. */
export const FIRST_CALLOUT_NATS = { major: 2, minor: 10, patch: 0 } as const;

/** The version built with Go when the machine has no server. */
export const PINNED_NATS = '2.15.2';

/** Reads what `nats-server --version` prints ("nats-server: v2.15.2"), or the `version` of a server's INFO. */
export const parseNatsVersion = (text: string): NatsVersion | undefined => {
  const match = /(?:^|[\sv:])(\d+)\.(\d+)\.(\d+)/.exec(text);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3]) };
};

export const isAtLeast = (version: NatsVersion, minimum: NatsVersion): boolean =>
  (version.major - minimum.major || version.minor - minimum.minor || version.patch - minimum.patch) >= 0;

export const formatNatsVersion = ({ major, minor, patch }: NatsVersion): string => `${major}.${minor}.${patch}`;
