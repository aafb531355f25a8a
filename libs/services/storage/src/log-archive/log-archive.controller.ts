import { Controller, Get, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiConflictResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  archiveVerificationSchema,
  logArchiveSchema,
  logRestoreSchema,
  type WireArchiveVerification,
  type WireLogArchive,
  type WireLogRestore,
} from '@fornax/contracts';
import { ARCHIVE_ROOT, type ArchivedSegment, type LogPrefix } from '@fornax/domain';
import { ArchiveIndex, type JetStreamLog } from '@fornax/event-store';
import { AdmittedBy } from '@fornax/identity';
import { EVENT_LOG, LogWatch, RECOVERY_CHECK, ZodQuery } from '@fornax/service-kit';
import { Conflict } from '@fornax/base';
import { z } from 'zod';
import { ArchiveVerification, parseAfter } from './archive-verification.js';
import { LogArchive } from './log-archive.js';

/** Of a log that is lost. */
const NOTHING = { first: 0, commits: 0, bytes: 0 };
/** How long one part takes, unless its last segment is long. */
const PART_MS = 1_000;

const querySchema = z.object({
  after: z
    .string()
    .regex(/^\d{1,10}:\d{1,15}:([0-9a-f]{64})?$/, 'must be `next` of a part')
    .optional()
    .describe('`next` of the part before; from the beginning when absent'),
  log: z
    .string()
    .max(100)
    .regex(/^[\w-]+$/, 'must be the epoch of a log')
    .optional()
    .describe('Epoch of the log; the one that the platform knows when absent'),
  until: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe('Number of the last segment that is looked at; all when absent'),
});

/** What operators ask about the archive of the event log; also while the log itself is lost. */
@ApiTags('operations')
@Controller('fornax/v1/log/archive')
export class LogArchiveController {
  private readonly known: ArchiveIndex;

  constructor(
    @Inject(EVENT_LOG) private readonly log: JetStreamLog,
    private readonly archive: LogArchive,
    private readonly watch: LogWatch,
  ) {
    this.known = new ArchiveIndex(log);
  }

  @AdmittedBy(RECOVERY_CHECK)
  @Get()
  @ApiOperation({ summary: 'How far the event log is archived, and of which logs there is an archive' })
  @ApiOkResponse({ standardSchema: logArchiveSchema })
  async state(): Promise<WireLogArchive> {
    const head = await this.watch.headNow();
    const prefix = head === undefined ? undefined : await this.log.left();
    const behind = head === undefined || prefix === undefined ? [] : await this.behind(head.epoch, prefix);
    const { number, to, hash } = behind.at(-1) ?? prefix ?? ARCHIVE_ROOT;
    const logs = [...(await this.archive.objects.epochs())];
    const left = prefix?.to ?? 0;
    const { first, commits: kept, bytes } = head === undefined ? NOTHING : await this.log.extent();
    const { why: stays = null, retentionMs = null } = this.archive.retention;
    const ends = { segments: number, to, head: head?.sequence ?? 0, hash };
    return { epoch: await this.epoch(head), logs, ...ends, left, first, kept, bytes, retentionMs, stays };
  }

  @AdmittedBy(RECOVERY_CHECK)
  @Get('verify')
  @ApiOperation({
    summary:
      'Compare a part of the archive with its hashes, with what the log says of it, and with the log itself where both are there',
  })
  @ApiOkResponse({ standardSchema: archiveVerificationSchema })
  async verify(@ZodQuery(querySchema) query: z.output<typeof querySchema>): Promise<WireArchiveVerification> {
    const head = await this.watch.headNow();
    const epoch = query.log ?? (await this.epoch(head));
    const isLive = head !== undefined && head.epoch === epoch;
    const left = isLive ? await this.log.left() : undefined;
    const known = left === undefined || head === undefined ? [] : await this.segments(head.epoch, left);
    const index = new Map(known.map((each) => [each.number, each]));
    const live =
      left === undefined || head === undefined ? undefined : { log: this.log, head: head.sequence, left: left.to };
    const place = parseAfter(query.after);
    const parts = { objects: this.archive.objects, epoch: epoch ?? '', index, live };
    return new ArchiveVerification(parts, place, query.until).run(PART_MS);
  }

  @AdmittedBy(RECOVERY_CHECK)
  @Post('restore')
  @HttpCode(202)
  @ApiOperation({ summary: 'Put a lost event log back from its archive; a log that holds anything is left alone' })
  @ApiAcceptedResponse({ standardSchema: logRestoreSchema })
  @ApiConflictResponse({ description: 'One is under way, or nothing says which log it was' })
  async restore(
    @ZodQuery(querySchema.pick({ log: true })) { log }: { readonly log?: string | undefined },
  ): Promise<WireLogRestore> {
    const { epoch, logs } = await this.state();
    const wanted = log ?? (epoch !== null && logs.includes(epoch) ? epoch : undefined);
    if (wanted === undefined)
      throw new Conflict(`Say which log is to be restored. There is an archive of ${logs.join(', ') || 'none'}`, {
        code: 'which-log',
      });
    return this.archive.restore.start(wanted);
  }

  @AdmittedBy(RECOVERY_CHECK)
  @Get('restore')
  @ApiOperation({ summary: 'How far the event log is put back' })
  @ApiOkResponse({ standardSchema: logRestoreSchema })
  progress(): WireLogRestore {
    return this.archive.restore.progress;
  }

  /** All segments. Notes of those that have left the log are in the archive themselves: they are known without them. */
  private async segments(epoch: string, left: LogPrefix): Promise<readonly ArchivedSegment[]> {
    const behind = await this.behind(epoch, left);
    if (left.to === 0) return behind;
    // Where it cannot be known anew, the archive is damaged, which whoever walks along it finds.
    const before = await this.archive.index.bringTo(epoch, left).then(
      () => this.archive.index.segments(epoch, left.number),
      () => [],
    );
    return [...before, ...behind];
  }

  /** Those that have not left the log. */
  private async behind(epoch: string, left: LogPrefix): Promise<readonly ArchivedSegment[]> {
    return (await this.known.segments(epoch, left.to)).filter(({ number }) => number > left.number);
  }

  /** The log that was read before, when there is another one in its place. */
  private async epoch(head: { readonly epoch: string } | undefined): Promise<string | null> {
    // What was lost this moment is not noticed by itself yet.
    if (head === undefined) await this.watch.isClosed();
    return this.watch.trouble?.known.epoch ?? head?.epoch ?? null;
  }
}
