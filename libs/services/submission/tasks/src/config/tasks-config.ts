import { intSetting, loadConfig, type Env } from '@fornax/base';
import { z } from 'zod';

const settings = z.object({
  /** What one instance occupies unless its hardware constraints ask for more. */
  FORNAX_INSTANCE_CORES: intSetting({ min: 1, max: 1_024 }).default(1),
  FORNAX_INSTANCE_MEMORY_MB: intSetting({ min: 1, max: 16_777_216 }).default(256),
  /** What a task may ask for as room for the files of one instance, in megabytes of a million bytes; 0 = as much as some node has. */
  FORNAX_INSTANCE_MAX_DISK_MB: intSetting({ min: 0, max: 1_000_000_000 }).default(100_000),
  /** How long the snapshot may take that a task gets before it is stopped because of a budget, in seconds. */
  FORNAX_BUDGET_STOP_GRACE_S: intSetting({ min: 0, max: 3_600 }).default(60),
  /** Address of the S3 endpoint as this service reaches it; FORNAX_PUBLIC_STORAGE_URL if unset. */
  FORNAX_STORAGE_URL: z.url({ protocol: /^https?$/ }).optional(),
});

/** What an operator sets about tasks. */
export interface TasksConfig {
  readonly instanceCores: number;
  readonly instanceMemoryMB: number;
  /** Most room for files that an instance may ask for; 0: as much as some node has. */
  readonly instanceMaxDiskMB: number;
  /** Milliseconds from the snapshot of a task that a budget stops until the task is cancelled. */
  readonly stopGraceMs: number;
  readonly storageUrl: string | undefined;
}

export const TASKS_CONFIG = Symbol('fornax.tasks-config');

/** @throws ConfigError */
export const loadTasksConfig = (env: Env): TasksConfig => {
  const values = loadConfig(settings, env);
  return Object.freeze({
    instanceCores: values.FORNAX_INSTANCE_CORES,
    instanceMemoryMB: values.FORNAX_INSTANCE_MEMORY_MB,
    instanceMaxDiskMB: values.FORNAX_INSTANCE_MAX_DISK_MB,
    stopGraceMs: values.FORNAX_BUDGET_STOP_GRACE_S * 1_000,
    storageUrl: values.FORNAX_STORAGE_URL,
  });
};
