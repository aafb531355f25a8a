import { Injectable } from '@nestjs/common';

type Find = (ids: readonly string[]) => Promise<ReadonlySet<string>>;

/** Tasks that are stored to be taken to the log later: what is sealed for them is in no event yet. */
@Injectable()
export class TasksToCome {
  private find: Find = () => Promise.resolve(new Set());

  /** Says who knows them. */
  areKeptBy(find: Find): void {
    this.find = find;
  }

  /** Which of these are to come. */
  among(ids: readonly string[]): Promise<ReadonlySet<string>> {
    return this.find(ids);
  }
}
