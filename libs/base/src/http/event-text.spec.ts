import { expect, it } from '@jest/globals';
import { eventComment, eventRetry, eventText } from './event-text.js';

it('writes messages, comments and the wait before the next try as the standard says', () =>
  expect([
    eventText('{}'),
    eventText('{}', { id: '7' }),
    eventText('{}', { event: 'end', id: '7' }),
    eventComment('still here'),
    eventComment('heartbeat', '7'),
    eventRetry(1_000),
  ]).toEqual([
    'data: {}\n\n',
    'id: 7\ndata: {}\n\n',
    'event: end\nid: 7\ndata: {}\n\n',
    ': still here\n\n',
    ': heartbeat\nid: 7\n\n',
    'retry: 1000\n\n',
  ]));
