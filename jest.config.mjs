import preset from './jest.preset.mjs';

export default { ...preset, testMatch: ['**/src/**/*.spec.ts', '**/src/**/*.int-spec.ts'] };
