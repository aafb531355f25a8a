import { expect, it } from '@jest/globals';
import { loadNotifyConfig } from '../config/notify-config.js';
import { deliveryPauseMs } from './delivery-pause.js';

it('gives a receiver about five minutes, whatever chance says, before its webhook is parked', () => {
  const { attempts, retryMs } = loadNotifyConfig({}).webhooks;
  const lastsMs = (chance: number): number =>
    Array.from({ length: attempts - 1 }, (_, tried) => deliveryPauseMs(tried + 1, retryMs, () => chance)).reduce(
      (sum, ms) => sum + ms,
      0,
    );
  expect(lastsMs(0)).toBe(303_500);
  expect(lastsMs(1)).toBeGreaterThan(270_000);
});
