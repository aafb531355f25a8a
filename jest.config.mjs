import preset from './jest.preset.mjs';

const project = (displayName, testMatch, more = {}) => ({ ...preset, displayName, testMatch, ...more });

/** `jest --selectProjects spec int contract s3 fuzz hostile e2e faults`: tools/test.mjs picks them. */
export default {
  projects: [
    project('spec', ['<rootDir>/{libs,apps,tests,infra}/**/src/**/*.spec.ts']),
    project('int', ['<rootDir>/{libs,apps}/**/src/**/*.int-spec.ts'], {
      globalSetup: '<rootDir>/libs/testing/src/run/jest-global-setup.ts',
      globalTeardown: '<rootDir>/libs/testing/src/run/jest-global-teardown.ts',
    }),
    project('e2e', ['<rootDir>/tests/e2e/src/**/*.e2e-spec.ts']),
    project('contract', ['<rootDir>/tests/contract/src/**/*.contract-spec.ts'], {
      globalSetup: '<rootDir>/tests/contract/src/setup/global-setup.ts',
      globalTeardown: '<rootDir>/tests/contract/src/setup/global-teardown.ts',
    }),
    // Not a part of everything: `npm run test:s3`.
    project('s3', ['<rootDir>/tests/contract/src/s3/*.s3-spec.ts'], {
      globalSetup: '<rootDir>/tests/contract/src/setup/global-setup.ts',
      globalTeardown: '<rootDir>/tests/contract/src/setup/global-teardown.ts',
    }),
    project('fuzz', ['<rootDir>/tests/contract/src/**/*.fuzz-spec.ts']),
    project('hostile', ['<rootDir>/tests/hostile/src/**/*.hostile-spec.ts'], {
      globalSetup: '<rootDir>/tests/hostile/src/setup/global-setup.ts',
      globalTeardown: '<rootDir>/tests/hostile/src/setup/global-teardown.ts',
    }),
    project('faults', ['<rootDir>/tests/faults/src/**/*.fault-spec.ts']),
  ],
};
