import { Inject, Injectable } from '@nestjs/common';
import { LOGGER } from '@fornax/service-kit';

/** What this service needs of a logger. */
interface ErrorLog {
  error(fields: { readonly err: unknown }, message: string): void;
  warn(fields: { readonly err: unknown }, message: string): void;
}

/** Where failures with output are told; each is tried again. */
@Injectable()
export class OutputErrors {
  constructor(@Inject(LOGGER) private readonly logger: ErrorLog) {}

  report(err: unknown): void {
    this.logger.error({ err }, 'output of instances could not be stored, trying again');
  }

  notPurged(err: unknown): void {
    this.logger.warn({ err }, 'output that came after its task was deleted stays in the stream until it is a week old');
  }

  notArchived(err: unknown): void {
    this.logger.warn({ err }, 'output of instances could not be moved to object storage; it is kept and tried again');
  }
}
