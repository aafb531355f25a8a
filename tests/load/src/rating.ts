import { performance } from 'node:perf_hooks';
import {
  defaultPriceList,
  emptyBill,
  foldBill,
  PARTS_PER_MICRO,
  rounded,
  taskDecider,
  type AttemptEnd,
  type BilledCommit,
  type TaskEvent,
} from '@fornax/domain';

const AT = Date.UTC(2026, 0, 15);
const INSTANCES = 100;
const PER_COMMIT = 20;

const submitted = (taskId: string, owner: string): TaskEvent => ({
  type: 'TaskSubmitted',
  taskId,
  owner,
  spec: taskDecider.initial.spec,
  at: AT,
});
const endOf = (instance: number): AttemptEnd => ({
  instance,
  leaseId: `lease-${instance}`,
  attempt: 1,
  node: 'node-1',
  outcome: 'success',
  startedAt: AT,
  endedAt: AT + 1_000 + instance,
  cores: 1,
  hardware: { specificationKey: '8c-32g-x', cpuModel: 'x', cores: 8, ghz: 2 + (instance % 3) },
  uploadedFiles: 0,
  uploadedBytes: 0,
});

/** A task of a hundred instances that end twenty at a time, each on one of three kinds of nodes. */
const taskOf = (task: number): readonly BilledCommit[] => {
  const id = `task-${task}`;
  const sequence = task * (INSTANCES / PER_COMMIT + 1);
  const created = { id: `${id}-0`, sequence, aggregateId: id, events: [submitted(id, `owner-${task % 50}`)] };
  const ends = Array.from({ length: INSTANCES / PER_COMMIT }, (_, part) => {
    const attempts = Array.from({ length: PER_COMMIT }, (_one, index) => endOf(part * PER_COMMIT + index));
    const ended: TaskEvent = { type: 'InstancesConcluded', attempts, at: AT };
    return { id: `${id}-${part + 1}`, sequence: sequence + part + 1, aggregateId: id, events: [ended] };
  });
  return [created, ...ends];
};

/** Rates attempts that are ready in memory, with a minimum and discounts by volume. */
export const rateAttempts = (attempts: number): { readonly perSecond: number; readonly micros: number } => {
  const log = Array.from({ length: Math.ceil(attempts / INSTANCES) }, (_, task) => taskOf(task)).flat();
  const state = emptyBill();
  const priceList = {
    ...defaultPriceList,
    minimumMicros: 1,
    volumeDiscounts: [
      { fromMicros: 1_000, untilMicros: 5_000, basisPoints: 500 },
      { fromMicros: 5_000, basisPoints: 1_000 },
    ],
  };
  state.lists.push({ priceList, from: 0, sequence: 0 });
  const begun = performance.now();
  let lines = 0;
  let sum = 0n;
  for (const commit of log)
    for (const { rating } of foldBill(state, commit).lines) {
      lines += 1;
      sum += rating.amount;
    }
  const seconds = (performance.now() - begun) / 1_000;
  return { perSecond: lines / seconds, micros: Number(rounded(sum, PARTS_PER_MICRO)) };
};
