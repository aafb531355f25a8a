import { describe, expect, it } from '@jest/globals';
import { MOST_NOTES, nodeReportSchema } from '@fornax/contracts';

import { notesOf, notesOfInputs, reportable } from './notes.js';

const many = Array.from({ length: 100 }, (_, at) => `${at}-\u0007${'x'.repeat(1_000)}`);
const reportWith = (notes: readonly string[]) => ({
  kind: 'ended',
  leaseId: 'lease',
  taskId: 'task',
  instance: 0,
  outcome: 'success',
  endedAt: 0,
  uploadedFiles: 0,
  uploadedBytes: 0,
  notes,
});

describe('notes of an end', () => {
  it('name each resource that brings nothing once', () =>
    expect(
      notesOfInputs([{ bucket: 'bare' }, { bucket: 'parts', prefix: 'p/' }, { bucket: 'parts', prefix: 'p/' }]),
    ).toEqual([
      'No inputs: the bucket "bare" is empty',
      'No inputs: the bucket "parts" has no object whose key begins with "p/"',
    ]));

  it('count those of a kind that are too many', () => {
    const notes = notesOfInputs(many.map((prefix) => ({ bucket: 'parts', prefix })));
    expect(notes).toHaveLength(8);
    expect(notes.at(-1)).toBe('No inputs: nothing is found for 93 more buckets or prefixes');
  });

  it('fit into a report, however much went missing', () => {
    const all = [
      ...notesOfInputs(many.map((bucket) => ({ bucket }))),
      ...notesOf(many.map((path) => ({ path, why: `of reason ${path}` }))),
      ...many,
    ];
    expect(nodeReportSchema.safeParse(reportWith(all)).success).toBe(false);
    const told = reportable(all);
    expect(nodeReportSchema.safeParse(reportWith(told)).success).toBe(true);
    expect(told).toHaveLength(MOST_NOTES);
    expect(told.at(-1)).toBe(`${all.length - MOST_NOTES + 1} more notes are left out`);
    expect(reportable(['one'])).toEqual(['one']);
  });
});
