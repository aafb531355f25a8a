import { randomUUID } from 'node:crypto';
import { ApiError } from '@fornax/client';
import type { Command } from 'commander';
import type { Io } from '../terminal/io.js';
import { withReason } from './others.js';

export interface KeyOptions {
  readonly key?: string;
}

/** A command that changes something once, however often it is given under one key; it may say why. */
export const withKey = (command: Command): Command =>
  withReason(
    command.option('--key <text>', 'its Idempotency-Key: under the same one it is done once (default: a new one)'),
  );

/** Asks for something under a key. Says the key when nobody knows whether it was done. */
export const once = async <T>(io: Io, key = randomUUID() as string, ask: (key: string) => Promise<T>): Promise<T> => {
  try {
    return await ask(key);
  } catch (error) {
    const isRefused = error instanceof ApiError && error.status < 500;
    if (!isRefused) io.tell(`This may have been done. With --key ${key} the same command does it once.`);
    throw error;
  }
};
