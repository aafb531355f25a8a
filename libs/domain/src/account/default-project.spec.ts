import { describe, expect, it } from '@jest/globals';
import { defaultProjectOf, noProjects, sharedDefaultOf, startingProjects, type ProjectsState } from './projects.js';

const open = { name: 'X', slug: 'x', description: '', isArchived: false, quotas: {} };
const own = (defaultProjectId?: string, isArchived = false): ProjectsState => ({
  projects: new Map([...startingProjects('ada').projects, ['mine', { ...open, isArchived }]]),
  defaultProjectId,
});
const shared = (defaultProjectId?: string, isArchived = false): ProjectsState => ({
  projects: new Map([['ours', { ...open, isArchived }]]),
  defaultProjectId,
});

describe('the default project', () => {
  it.each<[string, string, ProjectsState, ProjectsState]>([
    ['the first one, when nobody chose', 'ada', own(), shared()],
    ['the one that the account chose', 'mine', own('mine'), shared('ours')],
    ['the one of its organization that the account chose', 'ours', own('ours'), shared()],
    ['the one that its organization chose', 'ours', own(), shared('ours')],
    ["the organization's, when the account's choice was archived", 'ours', own('mine', true), shared('ours')],
    ['the first one, when both choices were archived', 'ada', own('mine', true), shared('ours', true)],
    ['the first one, when what it chose is of an organization that it left', 'ada', own('ours'), noProjects],
  ])('is %s', (_when, expected, account, organisation) =>
    expect(defaultProjectOf('ada', account, organisation)).toBe(expected),
  );

  it('of an organization is the open one that it chose, or none', () =>
    expect([shared(), shared('ours'), shared('ours', true)].map(sharedDefaultOf)).toEqual([
      undefined,
      'ours',
      undefined,
    ]));
});
