import { Injectable } from '@nestjs/common';
import { NotFound, ValidationFailed } from '@fornax/base';
import type { PoolUpdate } from '@fornax/contracts';
import { constantProblem, forcedConstantsOf, profileOf, type PoolState } from '@fornax/domain';
import type { RequestContext } from '@fornax/identity';
import { onCurrentConstants, SecretConstants, type ChangedConstants, type CommandName } from '@fornax/tasks';
import { policiesOf, sizeOf } from '../model/pool-spec.js';
import type { PoolStatus } from '../model/pool-status.js';
import { PoolLookup } from '../queries/pool-lookup.js';
import { PoolDecisions } from './pool-decisions.js';
import { PoolEnds } from './pool-ends.js';

/** What owners, and those who look after their pools, ask of pools after their creation. */
@Injectable()
export class ChangePool {
  constructor(
    private readonly lookup: PoolLookup,
    private readonly secrets: SecretConstants,
    private readonly decisions: PoolDecisions,
    private readonly ends: PoolEnds,
  ) {}

  /** Replaces constants, tags and the size, where given; everything else stays. A secret that comes back masked stays what it was. */
  update(id: string, body: PoolUpdate, context: RequestContext): Promise<void> {
    const work = (again: CommandName | undefined): Promise<void> =>
      onCurrentConstants(
        () => this.updateOnce(id, body, context, again),
        () => this.decisions.caughtUp(),
      );
    return this.decisions.once('UpdatePool', id, context, work, body);
  }

  private async updateOnce(
    id: string,
    { constants, tags, scaling, elasticProperty }: PoolUpdate,
    context: RequestContext,
    again: CommandName | undefined,
  ): Promise<void> {
    const pool = await this.lookup.find(context.account, id, 'own');
    const { spec } = pool.fold;
    if (constants) checkConstants(spec, constants);
    const isSized = (scaling ?? null) !== null || elasticProperty?.size !== undefined;
    const wanted = {
      scaling: scaling ?? parsed(spec.scaling) ?? undefined,
      elasticProperty,
      instanceCount: spec.instanceCount || undefined,
    };
    const size = isSized && !isEnding(pool) ? sizeOf({ ...wanted, instanceCount: wanted.instanceCount }) : undefined;
    if (size && 'errors' in size) throw new ValidationFailed(size.errors);
    const write = (sealed: Partial<ChangedConstants>): Promise<void> =>
      this.decisions.decide(pool, { type: 'UpdatePool', ...(tags ? { tags } : {}), ...sealed }, context, again);
    if (constants) await this.secrets.change(constants, { ...spec, ownerId: pool.poolId }, write);
    else if (tags !== undefined) await write({});
    const isSame = size?.scaling === spec.scaling && size?.elasticProperty === spec.elasticProperty;
    if (size && !isSame) await this.decisions.decide(pool, { type: 'ChangeScaling', ...size }, context);
  }

  /** @throws ValidationFailed, CommandRejected the pool is not running */
  scale(id: string, scaling: unknown, context: RequestContext): Promise<void> {
    const work = async (again: CommandName | undefined): Promise<void> => {
      const asked = policiesOf(scaling);
      if ('errors' in asked) throw new ValidationFailed(asked.errors);
      const pool = await this.lookup.find(context.account, id, 'own');
      const { elasticProperty } = pool.fold.spec;
      await this.decisions.decide(pool, { type: 'ChangeScaling', ...asked, elasticProperty }, context, again);
    };
    return this.decisions.once('ChangeScaling', id, context, work, scaling);
  }

  /** Nodes that hold slots of the pool fetch what is new in its resource buckets. @throws CommandRejected the pool ends or is over */
  updateResources(id: string, context: RequestContext): Promise<void> {
    return this.tend('UpdatePoolResources', id, context);
  }

  /** Takes no new tasks any more; those that run are finished. @throws CommandRejected it is not running */
  close(id: string, context: RequestContext): Promise<void> {
    return this.tend('ClosePool', id, context);
  }

  /**
   * Ends the pool, and what runs and waits in it. Once this is answered the log has it, and the pool is not found any more; the tasks of a pool that has many are
   * cancelled behind the answer.
   */
  delete(id: string, context: RequestContext): Promise<void> {
    return this.decisions.once('DeletePool', id, context, async (again) => {
      const pool = await this.found(id, context, again);
      if (!pool) return;
      await this.decisions.decide(pool, { type: 'DeletePool' }, context, again);
      await this.ends.cancelFew(pool.poolId);
    });
  }

  private tend(type: 'ClosePool' | 'UpdatePoolResources', id: string, context: RequestContext): Promise<void> {
    return this.decisions.once(type, id, context, async (again) => {
      const pool = await this.lookup.find(context.account, id, 'tend');
      await this.decisions.decide(pool, { type }, context, again);
    });
  }

  /** Undefined when the first of the repeated commands has deleted it. */
  private async found(
    id: string,
    { account }: RequestContext,
    again: CommandName | undefined,
  ): Promise<PoolStatus | undefined> {
    try {
      return await this.lookup.find(account, id, 'tend');
    } catch (error) {
      if (again?.isRepeated === true && error instanceof NotFound) return undefined;
      throw error;
    }
  }
}

const parsed = (text: string | null): unknown => (text === null ? null : JSON.parse(text));
const isEnding = ({ fold }: PoolStatus): boolean => fold.closeRequested || fold.failed !== null;

/** By the profile that the pool was made with. @throws ValidationFailed */
const checkConstants = (spec: PoolState['spec'], constants: NonNullable<PoolUpdate['constants']>): void => {
  const profile = profileOf(spec);
  const misfit = profile && constantProblem(profile, constants, forcedConstantsOf(spec));
  if (misfit) throw new ValidationFailed({ [misfit.field]: [misfit.text] });
};
