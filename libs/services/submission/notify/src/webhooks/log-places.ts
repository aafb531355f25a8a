import { Inject, Injectable } from '@nestjs/common';
import type { EventLog } from '@fornax/event-store';
import { EVENT_LOG } from '@fornax/service-kit';
import { ValidationFailed } from '@fornax/base';
import { parseAsOf } from '@fornax/tasks';

/** Turns what people call a place in the log into a sequence. */
@Injectable()
export class LogPlaces {
  constructor(@Inject(EVENT_LOG) private readonly log: EventLog) {}

  /**
   * The place after which everything from `from` on comes.
   * @param from a sequence, or an instant: then the first commit that was decided at or after it (order is the log's, clocks differ a little);
   *   undefined for what is not in the log yet
   * @throws ValidationFailed
   */
  async before(from: string | number | undefined): Promise<number> {
    const moment = from === undefined ? undefined : parseAsOf(String(from), 'from');
    const { sequence: head } = await this.log.head();
    if (moment === undefined) return head;
    if ('instant' in moment) return this.beforeInstant(moment.instant, head);
    if (moment.sequence > head + 1)
      throw new ValidationFailed({ from: [`is beyond the end of the log, which is at ${head}`] });
    return Math.max(0, moment.sequence - 1);
  }

  private async beforeInstant(instant: number, head: number): Promise<number> {
    let low = 1;
    let high = head + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const at = await this.timeAt(middle);
      if (at !== undefined && at < instant) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  private async timeAt(sequence: number): Promise<number | undefined> {
    for await (const [commit] of this.log.read({ from: sequence, to: sequence, maxBatch: 1 })) return commit?.at;
    return undefined;
  }
}
