import { describe, expect, it } from '@jest/globals';
import { notesOfMissing, secretFilesOf } from './lease-secrets.js';

const secret = (key: string) => ({ key, version: 1, value: `of ${key}` });

describe('files of secrets', () => {
  it('have the names of their keys', () =>
    expect(secretFilesOf([secret('a'), secret('b/c')])).toEqual([
      { path: 'a', content: Buffer.from('of a') },
      { path: 'b/c', content: Buffer.from('of b/c') },
    ]));

  it('leave out a secret whose key is also a folder', () =>
    expect(secretFilesOf([secret('a'), secret('a/b/c'), secret('a/b')]).map(({ path }) => path)).toEqual(['a/b/c']));
});

describe('keys that no secret has', () => {
  it('are told in one note, some of them', () => {
    expect(notesOfMissing([])).toEqual([]);
    expect(notesOfMissing(['a/b'])).toEqual(['Not all of its secrets are there: no secret has the key "a/b"']);
    const [note = '', ...more] = notesOfMissing(Array.from({ length: 20 }, () => 'k'.repeat(1_024)));
    expect(more).toEqual([]);
    expect(note.length).toBeLessThan(300);
    expect(note).toMatch(/, and more$/);
  });
});
