/** Something that turns what came over the wire into what it should be, or throws: a zod schema is one. */
export interface Parser<T> {
  parse(input: unknown): T;
}

export interface ProjectionState {
  readonly name: string;
  readonly service: string;
  readonly sequence: number;
  readonly lag: number;
}

export interface ProjectionRebuild {
  readonly rows: Readonly<Record<string, number>>;
  readonly differences: readonly { readonly table: string; readonly onlyLive: number; readonly onlyRebuilt: number }[];
  readonly events: number;
  readonly seconds: number;
  readonly swapped: boolean;
}

export interface SnapshotRequest {
  readonly whitelist?: string;
  readonly blacklist?: string;
  readonly bucket?: string;
  readonly bucketPrefix?: string;
}

/** Trusts the platform for its own operator endpoints, whose answers have no clients beside this one. */
export const trusted = <T>(): Parser<T> => ({ parse: (input) => input as T });
