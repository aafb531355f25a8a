import { describe, expect, it } from '@jest/globals';
import { activeTraceId, inSpan } from './trace.js';
import { createLogger } from './logger.js';
import { startTelemetry } from './start-telemetry.js';

describe('the log', () => {
  it('is structured and shows no secret', () => {
    const lines: string[] = [];
    const logger = createLogger('test', 'info', { write: (line) => void lines.push(line) });
    logger.info(
      { token: 'T0KEN', request: { authorization: 'T0KEN', headers: { authorization: 'T0KEN' } }, taskId: 'x' },
      'said',
    );
    const [line = ''] = lines;
    expect(JSON.parse(line)).toMatchObject({
      level: 'info',
      service: 'test',
      msg: 'said',
      taskId: 'x',
      token: '[redacted]',
    });
    expect(line).not.toContain('T0KEN');
  });

  it('names the trace of what it is about, without a collector too', async () => {
    const telemetry = startTelemetry({ service: 'test' });
    const lines: string[] = [];
    const logger = createLogger('test', 'info', { write: (line) => void lines.push(line) });
    const traceId = await inSpan('work', {}, async () => {
      logger.info('inside');
      return activeTraceId();
    });
    logger.info('outside');
    expect(lines.map((line) => JSON.parse(line).trace_id)).toEqual([traceId, undefined]);
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    await telemetry.shutdown();
  });
});
