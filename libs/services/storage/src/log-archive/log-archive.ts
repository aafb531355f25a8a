import { Injectable } from '@nestjs/common';
import { ArchiveObjects } from './archive-objects.js';
import { LeftIndex } from './left-index.js';
import { LogArchiver } from './log-archiver.js';
import { LogRestore } from './log-restore.js';
import { LogRetention } from './log-retention.js';

/** The archive of the log, with what is done to it. */
@Injectable()
export class LogArchive {
  constructor(
    readonly objects: ArchiveObjects,
    readonly index: LeftIndex,
    readonly archiver: LogArchiver,
    readonly retention: LogRetention,
    readonly restore: LogRestore,
  ) {}
}
