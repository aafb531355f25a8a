import { describeEventLog } from '../log/event-log.contract.js';
import { InMemoryLog } from './in-memory.event-log.js';

describeEventLog('the in-memory log', () => Promise.resolve(new InMemoryLog()));
