import { Injectable } from '@nestjs/common';
import { has } from '@fornax/domain';
import type { Account } from '@fornax/identity';
import { NotFound } from '@fornax/base';
import { PoolSlots, TaskLookup, type TaskStatus } from '@fornax/tasks';
import type { OutputOf } from '../model/output-of.js';

type Asked = Pick<OutputOf, 'kind' | 'stream'>;

/** Slots are numbered anew as they are opened: one that has been open is known. */
const isInstanceOf = ({ fold }: TaskStatus, number: number): boolean =>
  has(fold.all, number) || fold.attempts.countOf(number) > 0;

/** Finds whose output is asked for. */
@Injectable()
export class OutputLookup {
  constructor(
    private readonly tasks: TaskLookup,
    private readonly slots: PoolSlots,
  ) {}

  /** @param need `own` where the reader's place moves @throws NotFound no such task or pool, or an instance number that it does not have */
  async find(
    account: Account,
    id: string,
    asked: Asked,
    instance: string | undefined,
    need: 'look' | 'own' = 'look',
  ): Promise<OutputOf> {
    if (instance !== undefined) return this.findInstance(account, id, asked, instance, need);
    return { ...asked, task: await this.holder(account, id, asked, need) };
  }

  /** @throws NotFound as `find` does */
  async findInstance(
    account: Account,
    id: string,
    asked: Asked,
    instance: string,
    need: 'look' | 'own' = 'look',
  ): Promise<OutputOf & { readonly instance: number }> {
    const task = await this.holder(account, id, asked, need);
    const number = /^\d{1,10}$/.test(instance) ? Number(instance) : Number.NaN;
    if (Number.isNaN(number) || !isInstanceOf(task, number))
      throw new NotFound(
        asked.kind === 'pools'
          ? `No such slot of pool ${id}: ${instance}`
          : `No such instance of task ${id}: ${instance}`,
      );
    return { ...asked, task, instance: number };
  }

  private holder(account: Account, id: string, { kind }: Asked, need: 'look' | 'own'): Promise<TaskStatus> {
    return kind === 'pools' ? this.slots.find(account, id, need) : this.tasks.find(account, id, need);
  }
}
