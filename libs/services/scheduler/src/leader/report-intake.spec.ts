import { describe, expect, it } from '@jest/globals';
import type { NodeReport } from '@fornax/contracts';
import { aCommit, aLease, dispatched, nodeJoined, submitted } from '@fornax/testing';
import type { TaskWriter } from '../deciding/task-writer.js';
import { SchedulerView } from '../view/scheduler-view.js';
import { ReportIntake } from './report-intake.js';

const TASK = 'task';
const LEASE = 'lease-of-node-1';
const ended: NodeReport = {
  kind: 'ended',
  leaseId: LEASE,
  taskId: TASK,
  instance: 0,
  outcome: 'success',
  startedAt: 1,
  endedAt: 2,
  uploadedFiles: 0,
  uploadedBytes: 0,
};

/** An intake over two nodes, of which the first runs instance 0 of the task; what it lets pass, and what it told. */
const intake = (hasFolded = true, failures = 0) => {
  let left = failures;
  const view = new SchedulerView();
  let sequence = 0;
  const fold = (aggregate: 'task' | 'node', aggregateId: string, ...events: Parameters<typeof aCommit>[1]) => {
    sequence += 1;
    view.fold({ ...aCommit(`c${sequence}`, events), sequence, aggregate, aggregateId });
  };
  fold('node', 'node-1', nodeJoined('node-1'));
  fold('node', 'node-2', nodeJoined('node-2'));
  fold('task', TASK, submitted(TASK));
  const dispatch = () => fold('task', TASK, dispatched(aLease(0, { leaseId: LEASE })));
  if (hasFolded) dispatch();
  const passed: NodeReport[] = [];
  const told: object[] = [];
  const logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields: object) => told.push(fields),
    error: () => undefined,
  };
  const writer = {
    record: (_taskId: string, reports: readonly NodeReport[]) => {
      if ((left -= 1) >= 0) return Promise.reject(new Error('the log is away'));
      passed.push(...reports);
      return Promise.resolve();
    },
  };
  const catchUp = () => {
    if (!hasFolded) dispatch();
    return Promise.resolve();
  };
  const kept: string[] = [];
  const keep = ({ subject }: { readonly subject: string }) => {
    kept.push(subject);
    return Promise.resolve();
  };
  const taken = new ReportIntake({ view, writer: writer as unknown as TaskWriter, catchUp, logger, keep });
  return {
    passed,
    told,
    kept,
    send: (subject: string, body: unknown) =>
      taken.take([{ subject, data: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) }]),
  };
};
const from = (nodeId: string, report: object = ended, nodeEpoch = 1) => ({ nodeId, nodeEpoch, reports: [report] });

describe('the intake of reports', () => {
  it('lets a node speak about its own lease', async () => {
    const { send, passed, told } = intake();
    await send('fx.report.node-1', from('node-1'));
    expect(passed).toEqual([ended]);
    expect(told).toEqual([]);
  });

  it('waits for a dispatch that it has not folded yet', async () => {
    const { send, passed } = intake(false);
    await send('fx.report.node-1', from('node-1'));
    expect(passed).toEqual([ended]);
  });

  it.each([
    ['another node in its body', 'fx.report.node-2', from('node-1'), 'wrong-node'],
    ['its own name and the lease of another node', 'fx.report.node-2', from('node-2'), 'wrong-lease'],
    ['its own lease with another task', 'fx.report.node-1', from('node-1', { ...ended, taskId: 't2' }), 'wrong-lease'],
    [
      'its own lease with another instance',
      'fx.report.node-1',
      from('node-1', { ...ended, instance: 1 }),
      'wrong-lease',
    ],
    ['no JSON', 'fx.report.node-1', '[[[', 'unreadable'],
    [
      'an end in the year 9999',
      'fx.report.node-1',
      from('node-1', { ...ended, endedAt: 253_370_764_800_000 }),
      'unreadable',
    ],
    ['a negative time', 'fx.report.node-1', from('node-1', { ...ended, endedAt: -1 }), 'unreadable'],
    ['usage that is no number', 'fx.report.node-1', from('node-1', { ...ended, cpuMs: 'NaN' }), 'unreadable'],
    ['negative usage', 'fx.report.node-1', from('node-1', { ...ended, cpuMs: -1 }), 'unreadable'],
    ['a negative size', 'fx.report.node-1', from('node-1', { ...ended, uploadedBytes: -1 }), 'unreadable'],
    ['an exit code of 64 bits', 'fx.report.node-1', from('node-1', { ...ended, exitCode: 2 ** 40 }), 'unreadable'],
    ['an instance of 64 bits', 'fx.report.node-1', from('node-1', { ...ended, instance: 2 ** 40 }), 'unreadable'],
    ['a name that is not encoded', 'fx.report.%zz', from('node-1'), 'wrong-node'],
  ])('does not hear %s', async (_what, subject, body, reason) => {
    const { send, passed, told } = intake();
    await send(subject, body);
    expect(passed).toEqual([]);
    expect(told).toMatchObject([{ intake: 'reports', reason }]);
  });

  it('is not held up by a message that is full of reports', async () => {
    const { send, passed, told, kept } = intake();
    const reports = [ended, ...Array<object>(1_000_000).fill({})];
    await send('fx.report.node-1', { nodeId: 'node-1', nodeEpoch: 1, reports });
    expect(passed).toEqual([]);
    expect(told).toMatchObject([{ reason: 'too-large' }]);
    expect(kept).toEqual(['fx.report.node-1']);
  });

  it('takes as many reports as an agent puts into a message, with all that an end may say', async () => {
    const { send, passed, told } = intake();
    const error = { code: 'FX-EXIT', message: 'The command exited with code 1', debug: '{[,'.repeat(1_000) };
    const failed = { ...ended, outcome: 'failure', cause: 'user', exitCode: 1, cpuMs: 1, peakMemoryMB: 1, error };
    const reports = Array<object>(500).fill(failed);
    await send('fx.report.node-1', { nodeId: 'node-1', nodeEpoch: 1, reports });
    expect([passed.length, told]).toEqual([500, []]);
  });

  it('keeps a message once, however many of its reports cannot be read, and takes the others', async () => {
    const { send, passed, kept } = intake();
    const reports = [...Array<object>(400).fill({}), ended];
    await send('fx.report.node-1', { nodeId: 'node-1', nodeEpoch: 1, reports });
    expect(passed).toEqual([ended]);
    expect(kept).toEqual(['fx.report.node-1']);
  });

  it('keeps a message once that comes again because the others of its batch could not be recorded', async () => {
    const { send, passed, kept } = intake(true, 3);
    const sent = () => send('fx.report.node-1', { nodeId: 'node-1', nodeEpoch: 1, reports: [{}, ended] });
    for (const _ of [1, 2, 3]) await expect(sent()).rejects.toThrow('the log is away');
    await sent();
    expect([passed, kept]).toEqual([[ended], ['fx.report.node-1']]);
  });

  it('keeps so much of a node that there is room for what the others say', async () => {
    const { send, kept } = intake();
    for (let sent = 0; sent < 100; sent += 1) await send('fx.report.node-2', `rubbish ${sent}`);
    await send('fx.report.node-1', 'a fault of an agent');
    expect(kept.filter((subject) => subject === 'fx.report.node-2')).toHaveLength(20);
    expect(kept.at(-1)).toBe('fx.report.node-1');
  });

  it.each([
    ['of a lease that is over', from('node-1', { ...ended, leaseId: 'over' })],
    ['of an earlier session of the node', from('node-1', ended, 0)],
    ['of a task that does not exist', from('node-1', { ...ended, leaseId: 'x', taskId: 'x' })],
  ])('passes over a report %s without a word', async (_what, body) => {
    const { send, passed, told } = intake();
    await send('fx.report.node-1', body);
    expect([passed, told]).toEqual([[], []]);
  });
});
