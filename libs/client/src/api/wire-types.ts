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

/** A compute node as the fleet read model shows it. */
export interface FleetNode {
  readonly id: string;
  readonly status: string;
  readonly driver: string;
  readonly warnings: readonly string[];
  readonly hardware: { readonly cpuModel: string; readonly cores: number; readonly memoryMB: number };
  readonly leases: number | null;
  readonly lastHeartbeat: string | null;
}

export interface BillLine {
  readonly instance: number;
  readonly attempt: number;
  readonly node: string;
  readonly outcome: string;
  readonly cause: string | null;
  readonly billedMs: number;
  readonly cores: number;
  readonly amountMicros: number;
  readonly currency: string;
  readonly rule: string;
  readonly priceListVersion: number;
  readonly sequence: number;
}

/** What a task costs, line by line: one for each attempt of an instance. */
export interface Bill {
  readonly taskId: string;
  readonly plan: string;
  readonly count: number;
  readonly totalMicros: number;
  readonly lines: readonly BillLine[];
}

export interface SnapshotRequest {
  readonly whitelist?: string;
  readonly blacklist?: string;
  readonly bucket?: string;
  readonly bucketPrefix?: string;
}

/** Trusts the platform for its own operator endpoints, whose answers have no clients beside this one. */
export const trusted = <T>(): Parser<T> => ({ parse: (input) => input as T });
