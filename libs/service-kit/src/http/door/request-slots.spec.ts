import { describe, expect, it } from '@jest/globals';
import { RequestSlots } from './request-slots.js';

const entered = (slots: RequestSlots, caller = 'ada'): Promise<boolean> =>
  new Promise((resolve) => slots.enter(caller, resolve));

describe('RequestSlots', () => {
  it('lets in as many as there is room for, and the next in their order', async () => {
    const slots = new RequestSlots({
      maxRequests: 1,
      maxRequestsPerCaller: 1,
      maxWaitingRequests: 2,
      maxWaitMs: 60_000,
    });
    const order: string[] = [];
    expect(await entered(slots)).toBe(true);
    slots.enter('ada', () => order.push('first'));
    slots.enter('ada', () => order.push('second'));
    expect(await entered(slots)).toBe(false);
    expect(order).toEqual([]);
    slots.leave('ada');
    expect(order).toEqual(['first']);
    slots.leave('ada');
    expect(order).toEqual(['first', 'second']);
    slots.leave('ada');
    expect(await entered(slots)).toBe(true);
  });

  it('lets nobody wait for ever', async () => {
    const slots = new RequestSlots({ maxRequests: 1, maxRequestsPerCaller: 1, maxWaitingRequests: 1, maxWaitMs: 10 });
    expect(await entered(slots)).toBe(true);
    expect(await entered(slots)).toBe(false);
    slots.leave('ada');
    expect(await entered(slots)).toBe(true);
  });

  it('keeps room for others, however much one asks for and for however long', async () => {
    const slots = new RequestSlots({
      maxRequests: 4,
      maxRequestsPerCaller: 2,
      maxWaitingRequests: 4,
      maxWaitMs: 60_000,
    });
    const order: string[] = [];
    const ask = (caller: string): void =>
      slots.enter(caller, (isIn) => order.push(isIn ? `${caller} is in` : `${caller} is refused`));
    for (let n = 0; n < 5; n += 1) ask('ada');
    expect(order).toEqual(['ada is in', 'ada is in', 'ada is refused']);
    expect(await entered(slots, 'bob')).toBe(true);
    expect(await entered(slots, 'cem')).toBe(true);
    order.length = 0;
    ask('dee'); // waits behind two of ada's, whose share is used up
    slots.leave('bob');
    expect(order).toEqual(['dee is in']);
    slots.leave('ada');
    expect(order).toEqual(['dee is in', 'ada is in']);
    slots.leave('cem');
    expect(order).toHaveLength(2);
    // Whoever still waits holds a timer, and with it the process that ran this.
    slots.leave('ada');
    expect(order).toEqual(['dee is in', 'ada is in', 'ada is in']);
  });
});
