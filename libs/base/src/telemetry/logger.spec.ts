import { describe, expect, it } from '@jest/globals';
import { activeTraceId, inSpan } from './trace.js';
import { ConfigError } from '../config/load-config.js';
import { createLogger, NestLogger } from './logger.js';
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

  it('leaves wrong settings to whoever says them to people', () => {
    const lines: string[] = [];
    const nest = new NestLogger(createLogger('test', 'info', { write: (line) => void lines.push(line) }));
    nest.error(new ConfigError(['FORNAX_X is wrong']), 'ExceptionHandler');
    nest.error(new Error('broken'), 'ExceptionHandler');
    expect(lines.map((line) => (JSON.parse(line) as { readonly msg: string }).msg)).toEqual(['broken']);
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
