/** One test setup for all projects: native ES modules, TypeScript through SWC, workspace packages read from source. */
export default {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@fornax/source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '^.+\\.ts$': ['@swc/jest', { swcrc: true, configFile: new URL('.swcrc', import.meta.url).pathname }] },
  transformIgnorePatterns: ['/node_modules/'],
  modulePathIgnorePatterns: ['/dist/', '/\\.fornax/', '/\\.nx/', '/docs/\\.vitepress/\\.temp/'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
};
