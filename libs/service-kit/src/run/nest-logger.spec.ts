import { describe, expect, it } from '@jest/globals';
import { ConfigError, createLogger } from '@fornax/base';
import { NestLogger } from './nest-logger.js';

describe('what Nest logs', () => {
  it('leaves wrong settings to whoever says them to people', () => {
    const lines: string[] = [];
    const nest = new NestLogger(createLogger('test', 'info', { write: (line) => void lines.push(line) }));
    nest.error(new ConfigError(['FORNAX_X is wrong']), 'ExceptionHandler');
    nest.error(new Error('broken'), 'ExceptionHandler');
    expect(lines.map((line) => (JSON.parse(line) as { readonly msg: string }).msg)).toEqual(['broken']);
  });
});
