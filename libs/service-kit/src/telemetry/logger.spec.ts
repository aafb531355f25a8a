import { describe, expect, it } from '@jest/globals';
import { createLogger } from './logger.js';

describe('the log', () => {
  it('is structured and shows no secret', () => {
    const lines: string[] = [];
    const logger = createLogger('test', 'info', { write: (line) => void lines.push(line) });
    logger.info({ token: 'T0KEN', request: { authorization: 'T0KEN', headers: { authorization: 'T0KEN' } }, taskId: 'x' }, 'said');
    const [line = ''] = lines;
    expect(JSON.parse(line)).toMatchObject({ level: 'info', service: 'test', msg: 'said', taskId: 'x', token: '[redacted]' });
    expect(line).not.toContain('T0KEN');
  });
});
