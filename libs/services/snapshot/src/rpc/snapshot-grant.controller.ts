import { Controller, Inject } from '@nestjs/common';
import { Ctx, NatsContext, Payload } from '@nestjs/microservices';
import { nodeRpcPattern, parseNodeRpcSubject, snapshotGrantRequestSchema, type GrantReply } from '@fornax/contracts';
import { isSnapshotOpen } from '@fornax/domain';
import { CLOCK, CORE_CONFIG, parseInput, RpcHandler, type CoreConfig, masterKeyOf } from '@fornax/service-kit';
import { signLeaseClaims } from '@fornax/identity';
import type { Clock } from '@fornax/base';
import { SnapshotCommands } from '../commands/snapshot-commands.js';
import { EarlierParts } from './earlier-parts.js';
import { PartFolders } from './part-folders.js';

/** An upper bound only: storage asks whether the lease still lives. */
const GRANT_VALID_MS = 24 * 60 * 60 * 1_000;

/** Gives a node the right to write its part of a snapshot, and nothing else. */
@Controller()
export class SnapshotGrantController {
  constructor(
    @Inject(CORE_CONFIG) private readonly config: CoreConfig,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly commands: SnapshotCommands,
    private readonly folders: PartFolders,
    private readonly earlier: EarlierParts,
  ) {}

  @RpcHandler(nodeRpcPattern('snapshot-grant'))
  async grant(@Payload() payload: unknown, @Ctx() context: NatsContext): Promise<GrantReply> {
    const { snapshotId, leaseId, takesRow, stages, before } = parseInput(snapshotGrantRequestSchema, payload);
    const node = parseNodeRpcSubject(context.getSubject());
    const snapshot = await this.commands.load(snapshotId);
    const part = snapshot.parts.get(leaseId);
    if (part?.node !== node || !isSnapshotOpen(snapshot))
      return { granted: false, reason: 'the lease is no open part of this snapshot on this node' };
    const { taskId, owner, config } = snapshot;
    const isKnown = before !== undefined && (await this.earlier.isComplete(taskId, part.instance, before));
    const base = isKnown ? { before } : {};
    // An agent of before knows no folder but the one of its order.
    const folder =
      takesRow === true ? await this.folders.of({ snapshotId, taskId, config, instance: part.instance }) : undefined;
    const credentials = signLeaseClaims(masterKeyOf(this.config), {
      leaseId,
      taskId,
      instance: part.instance,
      node,
      owner,
      read: [],
      results: null,
      snapshot: {
        bucket: config.bucket,
        prefix: folder ?? config.prefix,
        ...(stages === true ? { id: snapshotId, ...base } : {}),
      },
      expiresAt: this.clock.now() + GRANT_VALID_MS,
    });
    return {
      granted: true,
      s3: { ...credentials },
      secrets: {},
      ...(stages === true ? { stages } : {}),
      ...base,
      ...(folder === undefined ? {} : { resultsFolder: folder }),
    };
  }
}
