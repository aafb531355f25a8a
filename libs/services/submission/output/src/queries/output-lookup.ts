import { Injectable } from '@nestjs/common';
import type { OutputStream } from '@fornax/contracts';
import { has } from '@fornax/domain';
import type { Account } from '@fornax/identity';
import { NotFound } from '@fornax/base';
import type { OutputOf } from '../model/output-of.js';
import { TaskLookup } from '@fornax/tasks';

/** Finds whose output is asked for. */
@Injectable()
export class OutputLookup {
  constructor(private readonly tasks: TaskLookup) {}

  /** @param need `own` where the reader's place moves @throws NotFound no such task, or an instance number that it does not have */
  async find(
    account: Account,
    id: string,
    stream: OutputStream,
    instance: string | undefined,
    need: 'look' | 'own' = 'look',
  ): Promise<OutputOf> {
    if (instance !== undefined) return this.findInstance(account, id, stream, instance, need);
    return { task: await this.tasks.find(account, id, need), stream };
  }

  /** @throws NotFound as `find` does */
  async findInstance(
    account: Account,
    id: string,
    stream: OutputStream,
    instance: string,
    need: 'look' | 'own' = 'look',
  ): Promise<OutputOf & { readonly instance: number }> {
    const task = await this.tasks.find(account, id, need);
    const number = /^\d{1,10}$/.test(instance) ? Number(instance) : Number.NaN;
    if (Number.isNaN(number) || !has(task.fold.all, number))
      throw new NotFound(`No such instance of task ${id}: ${instance}`);
    return { task, stream, instance: number };
  }
}
