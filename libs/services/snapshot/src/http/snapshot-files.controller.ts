import { Controller, Get, Param } from '@nestjs/common';
import {
  ApiConflictResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  ApiUnprocessableEntityResponse,
} from '@nestjs/swagger';
import { fileChangesPageSchema, snapshotFilesPageSchema, type FileChange, type SnapshotFile } from '@fornax/contracts';
import { CurrentAccount, type Account } from '@fornax/identity';
import { ZodQuery } from '@fornax/service-kit';
import { z } from 'zod';
import { MAX_PLACE_CHARS, PLACE_TEXT, placeIn, type Page } from '../files/paged.js';
import { SnapshotFiles, type Wanted } from '../files/snapshot-files.js';
import { SnapshotReader } from './snapshot-reader.js';

const DEFAULT_LIMIT = 1_000;
const MAX_LIMIT = 10_000;
const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,10}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(least).max(most));

const querySchema = z.object({
  instance: wholeNumber(0, 2 ** 31)
    .optional()
    .describe('Of one instance alone'),
  after: z
    .string()
    .max(MAX_PLACE_CHARS)
    .regex(PLACE_TEXT, 'must be `nextAfter` of a page')
    .optional()
    .refine((text) => text === undefined || placeIn(text) !== undefined, 'must be `nextAfter` of a page')
    .describe('Behind this one: `nextAfter` of a page'),
  limit: wholeNumber(1, MAX_LIMIT).optional().describe(`Most of them in the answer, ${DEFAULT_LIMIT} by default`),
});
const diffSchema = querySchema.extend({
  against: z.string('names the earlier snapshot').min(1).max(256).describe('Id of the earlier snapshot'),
});

const wanted = ({ instance, after, limit = DEFAULT_LIMIT }: z.output<typeof querySchema>): Wanted => ({
  instance,
  after: after === undefined ? undefined : placeIn(after),
  limit,
});

/** What is in complete snapshots of a task, also once they are pruned. */
@ApiTags('snapshots')
@ApiNotFoundResponse({
  description: 'There is no such task, no such snapshot of it, or it has nothing of the instance',
})
@ApiConflictResponse({
  description:
    'It is not complete, has no list of its files, or that list is damaged, or not the one that the event log names',
})
@ApiUnprocessableEntityResponse({ description: 'The list of an instance is too long' })
@Controller('fornax/v1/tasks/:id/snapshots/:snapshotId')
export class SnapshotFilesController {
  constructor(
    private readonly reader: SnapshotReader,
    private readonly files: SnapshotFiles,
  ) {}

  @Get('files')
  @ApiOperation({ summary: 'Its files and links, by instance and path' })
  @ApiOkResponse({ standardSchema: snapshotFilesPageSchema })
  async list(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @Param('snapshotId') snapshotId: string,
    @ZodQuery(querySchema) query: z.output<typeof querySchema>,
  ): Promise<Page<SnapshotFile>> {
    return this.files.list(await this.reader.snapshot(account, id, snapshotId), wanted(query));
  }

  @Get('diff')
  @ApiOperation({ summary: 'What was added, changed or removed since another snapshot, by instance and path' })
  @ApiOkResponse({ standardSchema: fileChangesPageSchema })
  async diff(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @Param('snapshotId') snapshotId: string,
    @ZodQuery(diffSchema) { against, ...query }: z.output<typeof diffSchema>,
  ): Promise<Page<FileChange>> {
    const later = await this.reader.snapshot(account, id, snapshotId);
    return this.files.changes(await this.reader.byId(account, against), later, wanted(query));
  }
}
