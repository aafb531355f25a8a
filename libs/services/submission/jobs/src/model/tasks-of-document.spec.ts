import { describe, expect, it } from '@jest/globals';
import { jobDocumentSchema } from '@fornax/contracts';
import { tasksOfDocument } from './tasks-of-document.js';

const saidBy = (body: object) => tasksOfDocument(jobDocumentSchema.parse({ name: 'job', ...body }));
const tasksOf = (body: object) => saidBy(body).tasksOf('job-1');
const fieldsOf = (body: object) => Object.keys(saidBy(body).wrong);

describe('the tasks of a document', () => {
  it('have a row for each combination of a matrix, the last parameter turning fastest', () => {
    const [task] = tasksOf({ tasks: [{ name: 'a', matrix: { rate: [0.1, 'x"y'], seed: [1, 2] } }] });
    expect(task?.creation.fornax?.each?.split('\r\n')).toEqual([
      '"rate","seed"',
      '"0.1","1"',
      '"0.1","2"',
      '"x""y","1"',
      '"x""y","2"',
    ]);
    expect(task?.creation.instanceCount).toBeUndefined();
  });

  it('have what they share, unless they say otherwise', () => {
    const shared = { environment: { A: 1, B: 2 }, resultBucket: 'out', profile: 'docker-network' };
    const [own, other] = tasksOf({
      ...shared,
      tasks: [{ name: 'a', environment: { B: 'own' }, command: 'true', resultBucket: 'mine' }, { name: 'b' }],
    });
    expect(own?.creation).toMatchObject({
      profile: 'docker-network',
      resultBucket: 'mine',
      constants: [
        { key: 'A', value: '1' },
        { key: 'B', value: 'own' },
        { key: 'DOCKER_CMD', value: 'true' },
      ],
    });
    expect(other?.creation).toMatchObject({ resultBucket: 'out', instanceCount: 1 });
  });

  it('are refused with all that is wrong with them beside each other', () => {
    const values = Array.from({ length: 1_000 }, (_, n) => n);
    const wrong = {
      tasks: [
        { name: 'a', command: 'true', environment: { DOCKER_CMD: 'false' }, after: ['nobody'] },
        { name: 'a', matrix: { x: values, y: values } },
        { name: 'b', after: ['b'] },
      ],
    };
    expect(fieldsOf(wrong).toSorted()).toEqual([
      'tasks[0].after[0]',
      'tasks[0].environment.DOCKER_CMD',
      'tasks[1].matrix',
      'tasks[1].name',
      'tasks[2].after',
    ]);
  });

  it('refuse a command that is given twice', () => {
    const task = { name: 'a', command: 'true', environment: { DOCKER_CMD: 'false' } };
    expect(fieldsOf({ tasks: [task] })).toEqual(['tasks[0].environment.DOCKER_CMD']);
    expect(fieldsOf({ environment: { DOCKER_CMD: 'false' }, tasks: [{ name: 'a', command: 'true' }] })).toEqual([]);
  });

  it('wait for no task with ends that exclude each other', () => {
    const waits = (...after: readonly object[]) => saidBy({ tasks: [{ name: 'a' }, { name: 'b', after }] }).wrong;
    const refused = {
      'tasks[1].after[1]': ['The task a is waited for more than once, and no end of it satisfies all.'],
    };
    expect(waits({ task: 'a', on: 'success' }, { task: 'a', on: 'failure' })).toEqual(refused);
    expect(waits({ task: 'a', each: true }, { task: 'a', on: 'cancelled', each: true })).toEqual(refused);
    expect(waits({ task: 'a', on: 'any' }, { task: 'a' })).toEqual({});
    expect(waits({ task: 'a', each: true }, { task: 'a', on: 'failure' })).toEqual({});
  });

  it('wait for each other by ids that follow from the id of the job', () => {
    const [join, first] = tasksOf({
      tasks: [{ name: 'join', after: [{ task: 'first', on: 'any' }] }, { name: 'first' }],
    });
    expect(join?.dependencies).toEqual([
      { taskId: first?.taskId, on: ['success', 'failure', 'cancelled'], as: 'advancedDependsOn' },
    ]);
  });

  it('may wait instance by instance, and have a limit of those that run at once', () => {
    const [train, prepare] = tasksOf({
      tasks: [
        { name: 'train', matrix: { x: [1, 2], y: [1, 2] }, after: [{ task: 'prepare', each: true }], maxParallel: 3 },
        { name: 'prepare', instanceCount: 4 },
      ],
    });
    expect(train?.dependencies).toEqual([{ taskId: prepare?.taskId, on: ['success'], as: 'after', each: true }]);
    expect(train?.creation.fornax?.maxParallel).toBe(3);
  });

  it('refuse more combinations than a task has instances', () => {
    const many = Array.from({ length: 400 }, (_, index) => index);
    expect(fieldsOf({ tasks: [{ name: 'a', matrix: { x: many, y: many } }] })).toEqual(['tasks[0].matrix']);
  });

  it('refuse what is small as a document and large as tasks, before anything is unfolded', () => {
    const environment = Object.fromEntries(Array.from({ length: 140 }, (_, n) => [`K${n}`, 'x'.repeat(2_000)]));
    const named = Array.from({ length: 10_000 }, (_, n) => ({ name: `t${n}` }));
    expect(() => tasksOf({ environment, tasks: named })).toThrow(/^tasks\[\d+\]: With this task/);

    const many = Array.from({ length: 300 }, (_, n) => n);
    const matrix = { x: many, y: many, z: ['x'.repeat(2_048)] };
    expect(() => tasksOf({ tasks: [{ name: 'a', matrix }] })).toThrow('tasks[0]: With this task');
    expect(tasksOf({ tasks: [{ name: 'a', matrix: { x: many, y: many } }] })).toHaveLength(1);
  });

  it('refuse more constants than a task may have, with those of the document', () => {
    const some = (from: number) => Object.fromEntries(Array.from({ length: 80 }, (_, n) => [`K${from + n}`, 'x']));
    expect(saidBy({ environment: some(0), tasks: [{ name: 'a', environment: some(80) }] }).wrong).toEqual({
      'tasks[0].environment': [
        expect.stringContaining('With what is common to all tasks and its command, the task has 160 constants'),
      ],
    });
  });
});
