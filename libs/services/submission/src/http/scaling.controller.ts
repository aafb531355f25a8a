import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  scalingPolicySchema,
  scalingSimulationSchema,
  scalingToCheckSchema,
  simulatedScalingSchema,
  wireDate,
  wireReader,
  type ScalingSimulationRequest,
  type SimulatedScaling,
} from '@fornax/contracts';
import { simulateScaling, type SimulatedPoint } from '@fornax/domain';
import { CurrentAccount, type Account } from '@fornax/identity';
import { PastDemand } from '@fornax/pools';
import { ValidationFailed } from '@fornax/base';
import { WireBody } from '@fornax/service-kit';
import type { z } from 'zod';

/** Most points of one answer. */
const MAX_POINTS = 5_000;

const readPolicy = wireReader(scalingPolicySchema);

const pointOf = (point: SimulatedPoint): SimulatedScaling['points'][number] => ({
  at: wireDate(point.at),
  activePolicyName: point.policy,
  demand: point.demand,
  openSlots: point.open,
  readySlots: point.ready,
  busySlots: point.busy,
  waitingInstances: point.waiting,
});

/** What a scaling of a pool says, and what it would do. Neither needs a pool, but one may be the example. */
@ApiTags('pools')
@Controller()
export class ScalingController {
  constructor(private readonly past: PastDemand) {}

  @Post('sanity-checks/pools/scaling')
  @HttpCode(200)
  @ApiOperation({ summary: 'Check a scaling: an empty answer, or 400 with a key for each policy that is wrong' })
  @ApiOkResponse({ description: 'All policies are right; the body is empty' })
  check(@WireBody(scalingToCheckSchema) { policies }: z.output<typeof scalingToCheckSchema>): void {
    const wrong = policies.flatMap((policy, index) => (readPolicy(policy).ok ? [] : [`policies[${index}]`]));
    if (policies.length === 0) wrong.push('policies');
    // The words of the contract, section 2.3.
    if (wrong.length > 0)
      throw new ValidationFailed(Object.fromEntries(wrong.map((path) => [path, ['The input was not valid.']])));
  }

  @Post('fornax/v1/pools/scaling/simulate')
  @HttpCode(200)
  @ApiOperation({
    summary:
      'What a scaling would do for a given demand, or for that of a pool in the past: slots over time, what they cost and who waits',
    description: `Nothing is opened. At most ${MAX_POINTS} points; isComplete is false when there would be more.`,
  })
  @ApiOkResponse({ standardSchema: simulatedScalingSchema })
  async simulate(
    @WireBody(scalingSimulationSchema) request: ScalingSimulationRequest,
    @CurrentAccount() account: Account,
  ): Promise<SimulatedScaling> {
    const { scaling, elasticProperty, from, durationSeconds, slotOpensInSeconds, demand = [], demandOf } = request;
    const to = from + durationSeconds * 1_000;
    const { points, isComplete, opened, closed, slotMs, waitingMs } = simulateScaling({
      scaling: elasticProperty ? { elastic: elasticProperty } : { policies: scaling?.policies ?? [] },
      demand:
        demandOf === undefined
          ? demand.map(({ atSeconds, instances }) => ({ at: from + Math.round(atSeconds * 1_000), instances }))
          : await this.past.of(account, demandOf, from, to),
      from,
      to,
      opensInMs: Math.round(slotOpensInSeconds * 1_000),
      maxPoints: MAX_POINTS,
    });
    return {
      points: points.map(pointOf),
      isComplete,
      openedSlots: opened,
      closedSlots: closed,
      slotSeconds: slotMs / 1_000,
      waitingSeconds: waitingMs / 1_000,
    };
  }
}
