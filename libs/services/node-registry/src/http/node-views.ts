import { Injectable } from '@nestjs/common';
import { NotFound } from '@fornax/base';
import type { NodeAccess, NodeHardware } from '@fornax/domain';
import type { Account } from '@fornax/identity';
import { z } from 'zod';
import { Fleet } from '../fleet/fleet.js';
import { Beats } from '../heartbeats/beats.js';
import type { NodeRow } from '../projections/node-row.js';
import { FleetReader } from './fleet-reader.js';

/** A node as people see it. Times are RFC 3339. */
export interface NodeView {
  readonly id: string;
  readonly status: string;
  readonly isDrainRequested: boolean;
  readonly epoch: number;
  readonly driver: string;
  readonly warnings: readonly string[];
  readonly hardware: NodeHardware;
  readonly joinedAt: string | null;
  readonly lostAt: string | null;
  readonly lostCause: string | null;
  /** As heard by the replica that answers; null before it heard any. */
  readonly lastHeartbeat: string | null;
  /** Leases that the node held at its last heartbeat, whoever's they are; null for all but operators. */
  readonly leases: number | null;
  /** Who drained it, when and why, while it is drained; null for all but operators. */
  readonly drain: { readonly at: string; readonly by: string; readonly reason: string | null } | null;
  /**
   * Room for files of instances on its disk as it said last, in megabytes of a million bytes; what it offered when it joined where the replica that
   * answers has not heard it; null of a node that does not tell.
   */
  readonly diskMB: number | null;
  /** Since when its disk has been full, so that it is given no new instances; null while it has room. */
  readonly diskFullSince: string | null;
  /** Of a node that joined with a token; null for one of the server's configuration, and for all but operators. */
  readonly credential: { readonly status: 'open' | 'rotating' | 'revoked'; readonly issuedAt: string | null } | null;
}

const dateOrNull = z.string().nullable();
export const nodeViewSchema = z.object({
  id: z.string(),
  status: z.string(),
  isDrainRequested: z.boolean(),
  epoch: z.int(),
  driver: z.string(),
  warnings: z.array(z.string()),
  hardware: z.looseObject({ specificationKey: z.string(), cpuModel: z.string(), cores: z.number() }),
  joinedAt: dateOrNull,
  lostAt: dateOrNull,
  lostCause: dateOrNull,
  lastHeartbeat: dateOrNull,
  leases: z.int().nullable(),
  drain: z.object({ at: z.string(), by: z.string(), reason: z.string().nullable() }).nullable(),
  diskMB: z.number().nullable(),
  diskFullSince: dateOrNull,
  credential: z.object({ status: z.enum(['open', 'rotating', 'revoked']), issuedAt: dateOrNull }).nullable(),
});

const time = (at: number | null | undefined): string | null =>
  at === null || at === undefined ? null : new Date(at).toISOString();

const credentialOf = (access: NodeAccess | undefined): NodeView['credential'] => {
  if (!access) return null;
  const { keys } = access;
  const status = keys.length === 0 ? 'revoked' : keys.length === 1 ? 'open' : 'rotating';
  return { status, issuedAt: time(keys.at(-1)?.issuedAt) };
};

/** Puts together what people see of nodes: the read model, what was heard of them last, and, for operators, their keys. */
@Injectable()
export class NodeViews {
  constructor(
    private readonly fleet: FleetReader,
    private readonly known: Fleet,
    private readonly beats: Beats,
  ) {}

  /** All nodes that ever joined. */
  async list(account: Account): Promise<readonly NodeView[]> {
    return (await this.fleet.nodes()).map((row) => this.viewOf(row, account));
  }

  /** @throws NotFound */
  async get(id: string, account: Account): Promise<NodeView> {
    const [row] = await this.fleet.nodes([id]);
    if (!row) throw new NotFound('No such node');
    return this.viewOf(row, account);
  }

  /** Whether a node that is present said in its last heartbeat that it holds leases. */
  async isBusy(id: string): Promise<boolean> {
    const [row] = await this.fleet.nodes([id]);
    const isPresent = row?.state.status === 'online' || row?.state.status === 'draining';
    return isPresent && (this.beats.lastBeat(id)?.leases ?? 0) > 0;
  }

  private viewOf({ state, warnings, joinedAt, lostAt, lostCause, drain }: NodeRow, { role }: Account): NodeView {
    const isOperator = role === 'operator';
    const beat = this.beats.lastBeat(state.nodeId);
    return {
      id: state.nodeId,
      status: state.status,
      isDrainRequested: state.isDrainRequested,
      epoch: state.epoch,
      driver: state.driver,
      warnings,
      hardware: state.hardware,
      joinedAt: time(joinedAt),
      lostAt: time(lostAt),
      lostCause,
      lastHeartbeat: time(beat?.at),
      leases: (isOperator ? beat?.leases : null) ?? null,
      drain: isOperator && drain ? { ...drain, at: new Date(drain.at).toISOString() } : null,
      diskMB: beat?.diskMB ?? state.hardware.diskMB ?? null,
      diskFullSince: time(this.known.get(state.nodeId)?.state.diskFullSince),
      credential: !isOperator ? null : credentialOf(this.known.get(state.nodeId)?.state.access),
    };
  }
}
