import { describe, expect, it } from '@jest/globals';
import { isSecretSetting } from './secret-files.js';
import { settingsSchema } from './settings.js';

describe('a secret setting', () => {
  it('is each one that grants something to whoever knows it, and no other', () =>
    expect(Object.keys(settingsSchema.shape).filter(isSecretSetting)).toEqual([
      'FORNAX_MASTER_KEY',
      'FORNAX_NATS_PASSWORD',
      'FORNAX_NODE_NATS_PASSWORD',
      'FORNAX_DATABASE_URL',
      'FORNAX_S3_ACCESS_KEY',
      'FORNAX_S3_SECRET_KEY',
    ]));
});
