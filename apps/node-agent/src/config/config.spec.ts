import { describe, expect, it } from '@jest/globals';
import { loadAgentConfig } from './config.js';

describe('the declared clock speed of a node', () => {
  const declared = (text: string): number | undefined => loadAgentConfig({ FORNAX_NODE_GHZ: text }).FORNAX_NODE_GHZ;

  it.each([
    ['2.6', 2.6],
    ['4', 4],
    ['0.125', 0.125],
  ])('may be %s', (text, ghz) => expect(declared(text)).toBe(ghz));

  it.each(['0', '0.000', '-1', '2.6 GHz', '2600', '2.6001', '1e1', 'NaN'])('may not be "%s"', (text) =>
    expect(() => declared(text)).toThrow('FORNAX_NODE_GHZ'),
  );

  it('is what the machine says where it is not set', () => expect(loadAgentConfig({}).FORNAX_NODE_GHZ).toBeUndefined());
});
