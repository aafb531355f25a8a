import { describe, expect, it } from '@jest/globals';
import { RequestSlots } from './request-slots.js';

const entered = (slots: RequestSlots): Promise<boolean> => new Promise((resolve) => slots.enter(resolve));

describe('RequestSlots', () => {
  it('lets in as many as there is room for, and the next in their order', async () => {
    const slots = new RequestSlots({ maxRequests: 1, maxWaitingRequests: 2, maxWaitMs: 60_000 });
    const order: string[] = [];
    expect(await entered(slots)).toBe(true);
    slots.enter(() => order.push('first'));
    slots.enter(() => order.push('second'));
    expect(await entered(slots)).toBe(false);
    expect(order).toEqual([]);
    slots.leave();
    expect(order).toEqual(['first']);
    slots.leave();
    expect(order).toEqual(['first', 'second']);
    slots.leave();
    expect(await entered(slots)).toBe(true);
  });

  it('lets nobody wait for ever', async () => {
    const slots = new RequestSlots({ maxRequests: 1, maxWaitingRequests: 1, maxWaitMs: 10 });
    expect(await entered(slots)).toBe(true);
    expect(await entered(slots)).toBe(false);
    slots.leave();
    expect(await entered(slots)).toBe(true);
  });
});
