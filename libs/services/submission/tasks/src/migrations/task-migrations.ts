import { History1790000300000 } from './1790000300000-history.migration.js';
import { Tasks1767312000000 } from './1767312000000-tasks.migration.js';
import { TaskLists1790000100000 } from './1790000100000-task-lists.migration.js';
import { InstanceTimes1790000400000 } from './1790000400000-instance-times.migration.js';
import { TaskDeletion1790000401000 } from './1790000401000-task-deletion.migration.js';
import { TaskCounts1790000500000 } from './1790000500000-task-counts.migration.js';
import { SucceededInstances1790000820000 } from './1790000820000-succeeded-instances.migration.js';
import { InstanceNotes1790000900000 } from './1790000900000-instance-notes.migration.js';
import { InstanceResults1790001000000 } from './1790001000000-instance-results.migration.js';
import { ShortnameKinds1790001200000 } from './1790001200000-shortname-kinds.migration.js';
import { JobsOfTasks1790001210000 } from './1790001210000-jobs-of-tasks.migration.js';
import { PoolTasks1790001300000 } from './1790001300000-pool-tasks.migration.js';
import { OpenSessions1790001800000 } from './1790001800000-open-sessions.migration.js';
import { ClusterCarriers1790001810000 } from './1790001810000-cluster-carriers.migration.js';
import { UnfinishedByProject1790001560000 } from './1790001560000-unfinished-by-project.migration.js';
import { TasksByProject1790001700000 } from './1790001700000-tasks-by-project.migration.js';
import { InstanceFolder1790001100000 } from './1790001100000-instance-folder.migration.js';
import { InstanceInputs1790001250000 } from './1790001250000-instance-inputs.migration.js';

/** All that make the tables of the status projection, in order. */
export const TASK_MIGRATIONS = [
  Tasks1767312000000,
  TaskLists1790000100000,
  History1790000300000,
  InstanceTimes1790000400000,
  TaskDeletion1790000401000,
  TaskCounts1790000500000,
  SucceededInstances1790000820000,
  InstanceNotes1790000900000,
  InstanceResults1790001000000,
  InstanceFolder1790001100000,
  ShortnameKinds1790001200000,
  InstanceInputs1790001250000,
  JobsOfTasks1790001210000,
  PoolTasks1790001300000,
  UnfinishedByProject1790001560000,
  TasksByProject1790001700000,
  OpenSessions1790001800000,
  ClusterCarriers1790001810000,
] as const;
