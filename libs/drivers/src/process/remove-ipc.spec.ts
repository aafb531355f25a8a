import { expect, it } from '@jest/globals';

import { idsOf } from './remove-ipc.js';

it('finds what a user owns or made, in each table, and nothing of others', () => {
  const shm =
    '       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid\n  4660 7 600 4096 1 0 0 5 5 5 5\n  4661 8 600 4096 5 5 5 6 5 6 5\n 0 9 600 1 1 1 0 0 0 5 5\n';
  expect(idsOf(5, shm)).toEqual(['7', '9']);
  const sem =
    '       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n  4660 0 600 1 5 5 5 5 0 1\n';
  expect(idsOf(5, sem)).toEqual(['0']);
  const msg =
    '       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid\n  4660 3 600 0 0 0 0 5 5 5 5\n';
  expect(idsOf(5, msg)).toEqual(['3']);
  expect(idsOf(5, '')).toEqual([]);
});
