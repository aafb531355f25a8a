import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Ranges } from '@fornax/domain';
import { CurrentAccount, type Account } from '@fornax/identity';
import { z } from 'zod';
import { TaskLookup } from '@fornax/tasks';

/** Instances named in one answer: the first ones, since clients look at number 0. */
const MOST_INSTANCES = 1_000;

const forwardsSchema = z.record(z.string(), z.record(z.string(), z.never()));

/** The lowest instance numbers, up to `most` of them. */
const lowest = ({ bounds }: Ranges, most: number): number[] => {
  const numbers: number[] = [];
  for (let at = 0; at + 1 < bounds.length; at += 2) {
    for (let n = bounds[at] ?? 0; n < (bounds[at + 1] ?? 0); n += 1) {
      if (numbers.length === most) return numbers;
      numbers.push(n);
    }
  }
  return numbers;
};

/** Ports of instances that can be reached from outside (contract, section 2.2). */
@ApiTags('network')
@Controller('v1/network')
export class NetworkController {
  constructor(private readonly lookup: TaskLookup) {}

  @Get('tasks/:id/port-forward')
  @ApiOperation({
    summary: 'Port forwards by instance',
    description: `An entry for each instance, at once; at most ${MOST_INSTANCES}. Forwards themselves are not built: the entries are empty.`,
  })
  @ApiOkResponse({ standardSchema: forwardsSchema })
  async portForwards(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
  ): Promise<Readonly<Record<string, object>>> {
    const { fold } = await this.lookup.find(account, id);
    return Object.fromEntries(lowest(fold.all, MOST_INSTANCES).map((instance) => [String(instance), {}]));
  }
}
