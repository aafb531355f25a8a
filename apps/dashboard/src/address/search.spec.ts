import { describe, expect, it } from '@jest/globals';
import { nothingElse, said, searchOfBucket, searchOfTask, searchOfTasks } from './search.ts';

/** As the router does: what a page makes of the address, over the address. */
const seen = (of: (raw: Readonly<Record<string, unknown>>) => object, raw: object): object =>
  said({ ...raw, ...nothingElse(of)({ ...raw }) });

describe('the address of a page', () => {
  it('says nothing to the page that it cannot be, whatever a link holds', () => {
    expect(
      seen(searchOfTask, { tab: '', color: 'x', chosen: { a: 1 }, lanes: 'x', instance: 'abc', find: 'y' }),
    ).toEqual({ find: 'y' });
    expect(seen(searchOfTasks, { where: [{ a: 1 }], state: 'x', order: 'z', name: 'n', constructor: 2 })).toEqual({
      name: 'n',
    });
    expect(seen(searchOfBucket, { folder: { a: 1 } })).toEqual({});
    expect(seen(searchOfTasks, JSON.parse('{"__proto__":{"polluted":1},"tag":"t"}') as object)).toEqual({ tag: 't' });
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});
