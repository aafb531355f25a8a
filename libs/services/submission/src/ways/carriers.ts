import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { newId } from '@fornax/base';
import { markedAmong, ProcessMark } from '@fornax/projections';
import { CORE_CONFIG, type CoreConfig, LOGGER } from '@fornax/service-kit';
import { InjectDatabase } from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import { AbsentFor } from './absent-for.js';

/** A process that lives has made a broken connection to the database anew by then. */
const GRACE_MS = 10_000;

interface Logger {
  warn(fields: object, message: string): void;
}

/** The processes that carry connections into instances: who this one is, and which others are gone. */
@Injectable()
export class Carriers implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** Of this process, from its start to its end. */
  readonly own = newId();
  private readonly mark: ProcessMark;
  private readonly unmarked = new AbsentFor(GRACE_MS);

  constructor(
    @Inject(CORE_CONFIG) { databaseUrl }: Pick<CoreConfig, 'databaseUrl'>,
    @InjectDatabase() private readonly db: DataSource,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.mark = new ProcessMark(databaseUrl, this.own, {
      onLost: (error) => logger.warn({ err: error }, 'the mark by which others see that this process lives is lost'),
    });
  }

  onApplicationBootstrap(): void {
    this.mark.open();
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.mark.close();
  }

  /** Whether it has its mark now. @throws Error the database does not answer */
  async isMarked(carrier: string): Promise<boolean> {
    return (await markedAmong(this.db, [carrier])).has(carrier);
  }

  /** Those that are gone. It is known once they have had no mark at two looks, ten seconds apart: so who wants to know asks again. @throws Error the database does not answer */
  async goneAmong(carriers: readonly string[]): Promise<ReadonlySet<string>> {
    const others = [...new Set(carriers)].filter((carrier) => carrier !== this.own);
    const marked = await markedAmong(this.db, others);
    return this.unmarked.among(
      others,
      others.filter((carrier) => !marked.has(carrier)),
      performance.now(),
    );
  }
}
