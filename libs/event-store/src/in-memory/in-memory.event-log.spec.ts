import { describeEventLog } from '@fornax/testing';
import { InMemoryLog } from './in-memory.event-log.js';

describeEventLog('the in-memory log', () => Promise.resolve(new InMemoryLog()));
