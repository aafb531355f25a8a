import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Ranges } from '@fornax/domain';
import { CurrentAccount, type Account } from '@fornax/identity';
import { z } from 'zod';
import { LiveStatus, openWaysOf, runningInstancesOf, TaskLookup, type TaskStatus } from '@fornax/tasks';

type RunningInstance = ReturnType<typeof runningInstancesOf>[number];

/** Instances named in one answer: the first ones, since clients look at number 0. */
const MOST_INSTANCES = 1_000;

const forwardSchema = z.object({
  name: z.string(),
  enabled: z.boolean(),
  applicationType: z.string(),
  proto: z.string(),
  port: z.number().int(),
  allowedIPs: z.array(z.string()),
  access: z.object({ publicHost: z.string(), publicPort: z.number().int() }),
});
/** By instance number, then by name. */
const forwardsSchema = z.record(z.string(), z.record(z.string(), forwardSchema));
type Forward = z.output<typeof forwardSchema>;

const forwardsOf = (task: TaskStatus, running: RunningInstance): Readonly<Record<string, Forward>> =>
  Object.fromEntries(
    openWaysOf(task, running).map(({ way, publicPort, forwarder }) => [
      way.name,
      {
        name: way.name,
        enabled: true,
        applicationType: way.applicationType,
        proto: 'tcp',
        port: way.port,
        allowedIPs: [...way.allowed],
        access: { publicHost: forwarder.publicHost, publicPort },
      },
    ]),
  );

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
  constructor(
    private readonly lookup: TaskLookup,
    private readonly live: LiveStatus,
  ) {}

  @Get('tasks/:id/port-forward')
  @ApiOperation({
    summary: 'Port forwards by instance',
    description: `An entry for each instance, at once; at most ${MOST_INSTANCES}. It names the forwards that are open now: those of the task's profile and of its forcedNetworkRules, while the instance runs.`,
  })
  @ApiOkResponse({ standardSchema: forwardsSchema })
  async portForwards(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
  ): Promise<z.output<typeof forwardsSchema>> {
    const task = await this.lookup.find(account, id);
    const running = new Map(
      runningInstancesOf(task, this.live.of(task.taskId)).map((each) => [each.instance, forwardsOf(task, each)]),
    );
    return Object.fromEntries(
      lowest(task.fold.all, MOST_INSTANCES).map((instance) => [String(instance), running.get(instance) ?? {}]),
    );
  }
}
