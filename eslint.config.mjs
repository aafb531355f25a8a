import { createProjectGraphAsync } from '@nx/devkit';
import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

// The rule for layers reads the stored graph of projects, judges by an old one, and is skipped without one: it is made of the files as they are now.
process.env.NX_DAEMON ??= 'false';
await createProjectGraphAsync();

/** The dependency rules of the house style, section 2, as lint errors. */
const layers = [
  { sourceTag: 'layer:domain', onlyDependOnLibsWithTags: ['layer:domain'], bannedExternalImports: ['*'] },
  {
    sourceTag: 'layer:contracts',
    onlyDependOnLibsWithTags: ['layer:contracts', 'layer:domain'],
    bannedExternalImports: ['@nestjs/*', 'typeorm', 'pg', '@nats-io/*'],
  },
  // What every process needs, the agent among them: no framework, no database.
  {
    sourceTag: 'layer:base',
    onlyDependOnLibsWithTags: ['layer:base', 'layer:contracts', 'layer:domain'],
    bannedExternalImports: ['@nestjs/*', 'typeorm', 'pg'],
  },
  {
    sourceTag: 'layer:platform',
    onlyDependOnLibsWithTags: [
      'layer:platform',
      'layer:base',
      'layer:contracts',
      'layer:domain',
      'layer:docs',
      'layer:site',
    ],
  },
  // A feature is a room of a service. What the rooms may know of each other is said by their own tags, below.
  {
    sourceTag: 'layer:feature',
    onlyDependOnLibsWithTags: ['layer:feature', 'layer:platform', 'layer:base', 'layer:contracts', 'layer:domain'],
  },
  ...[
    ['profiles', []],
    ['people', []],
    ['tasks', ['profiles']],
    ['output', ['tasks']],
    ['history', ['tasks']],
    ['notify', ['tasks']],
    ['jobs', ['tasks']],
    ['pools', ['jobs', 'profiles', 'tasks']],
    ['secrets', ['tasks']],
  ].map(([feature, others]) => ({
    sourceTag: `feature:${feature}`,
    onlyDependOnLibsWithTags: [
      ...others.map((other) => `feature:${other}`),
      'layer:platform',
      'layer:base',
      'layer:contracts',
      'layer:domain',
    ],
  })),
  {
    sourceTag: 'layer:service',
    onlyDependOnLibsWithTags: ['layer:feature', 'layer:platform', 'layer:base', 'layer:contracts', 'layer:domain'],
  },
  // What browsers are given knows the API alone, by its document.
  { sourceTag: 'layer:site', onlyDependOnLibsWithTags: [] },
  {
    sourceTag: 'layer:client',
    onlyDependOnLibsWithTags: ['layer:contracts', 'layer:domain'],
    bannedExternalImports: ['@nestjs/*', 'typeorm', 'pg', '@nats-io/*'],
  },
  {
    sourceTag: 'layer:app',
    onlyDependOnLibsWithTags: [
      'layer:service',
      'layer:platform',
      'layer:base',
      'layer:contracts',
      'layer:domain',
      'layer:client',
    ],
  },
  // A process hosts its own service; the platform hosts all of them, the router none.
  ...[
    ['billing', ['service:billing']],
    ['node-registry', ['service:node-registry']],
    ['scheduler', ['service:scheduler']],
    ['snapshot', ['service:snapshot']],
    ['storage', ['service:storage']],
    ['submission', ['service:submission']],
    ['platform', ['layer:service']],
    ['router', []],
  ].map(([app, services]) => ({
    sourceTag: `app:${app}`,
    onlyDependOnLibsWithTags: [...services, 'layer:platform', 'layer:base', 'layer:contracts', 'layer:domain'],
  })),
  // Each start of an instance forks the agent: nothing of a service's framework is in it.
  {
    sourceTag: 'app:node-agent',
    onlyDependOnLibsWithTags: ['lib:drivers', 'lib:event-store', 'layer:base', 'layer:contracts', 'layer:domain'],
    bannedExternalImports: ['@nestjs/*', 'typeorm', 'pg'],
  },
  {
    sourceTag: 'app:launcher',
    onlyDependOnLibsWithTags: ['lib:embedded', 'lib:event-store', 'layer:client', 'layer:base', 'layer:contracts'],
    bannedExternalImports: ['@nestjs/*', 'typeorm'],
  },
  // What a user runs knows the API, and the protocol of its storage, and nothing behind them.
  {
    sourceTag: 'app:cli',
    onlyDependOnLibsWithTags: ['layer:client', 'lib:s3'],
    bannedExternalImports: ['@nestjs/*', 'typeorm', 'pg', '@nats-io/*'],
  },
  {
    sourceTag: 'layer:testing',
    onlyDependOnLibsWithTags: [
      'layer:testing',
      'layer:client',
      'layer:platform',
      'layer:base',
      'layer:contracts',
      'layer:domain',
    ],
  },
];
// Specs may use the test tools, whatever their layer may not.
const layersWithTesting = layers.map(({ bannedExternalImports: _banned, ...rule }) => ({
  ...rule,
  onlyDependOnLibsWithTags: [...rule.onlyDependOnLibsWithTags, 'layer:testing'],
}));

/** Names of what a stranger must not learn byte by byte from how long a comparison takes. Those of pages are none. */
const SECRET =
  '/([sS]ecret|[sS]ignature|[pP]assword|[pP]assphrase|[hH]mac|(?<!(page|next|continuation))[tT]oken)s?(Of)?$/';
const isSecret = (side) =>
  ['name', 'property.name', 'callee.name', 'callee.property.name']
    .map((name) => `[${side}.${name}=${SECRET}]`)
    .join(',');

/** What no file may say, and with which words it is refused. */
const syntax = [
  { selector: 'TSEnumDeclaration', message: 'Use a union of literals.' },
  {
    selector: "CallExpression[callee.name=/^create(Read|Write)Stream$/] Property[key.name='fd']",
    message:
      'A stream closes the descriptor it is lent as soon as it is destroyed, autoClose or not: read by position from the FileHandle.',
  },
  {
    selector: `BinaryExpression[operator=/^[!=]==?$/]:matches(${isSecret('left')},${isSecret('right')}):not([left.type='Literal'],[right.type='Literal'],[right.name='undefined'],[right.type='TemplateLiteral'])`,
    message: 'Compare secrets in constant time: timingSafeEqual, or equalInConstantTime.',
  },
];
/** More parameters than five mean two classes (house style), or a group that belongs together and has a name. */
const CONSTRUCTOR_OF_FIVE = {
  selector: "MethodDefinition[kind='constructor'] > FunctionExpression[params.length>5]",
  message: 'A constructor takes at most five parameters: make two classes, or group what belongs together.',
};

const boundaries = (depConstraints) => ({
  '@nx/enforce-module-boundaries': [
    'error',
    {
      depConstraints,
      allow: [],
      enforceBuildableLibDependency: false,
      // Its entry `telemetry` holds the OpenTelemetry SDK and is loaded late; the rest of it is not.
      checkDynamicDependenciesExceptions: ['@fornax/base'],
    },
  ],
});

export default [
  {
    ignores: [
      '**/dist/**',
      '**/node_modules/**',
      '.nx/**',
      '.fornax/**',
      // What a build of the docs that was broken off left behind.
      'docs/.vitepress/{made-*,cache,.temp}/**',
      '**/.venv/**',
      'apps/dashboard/src/api/schema.d.ts',
    ],
  },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    plugins: { '@nx': nx },
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: {
        project: ['./tsconfig.json', './apps/dashboard/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      ...boundaries(layers),
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/consistent-type-imports': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
      'no-restricted-syntax': ['error', ...syntax, CONSTRUCTOR_OF_FIVE],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    files: [
      '**/*.spec.ts',
      '**/*.int-spec.ts',
      '**/*.contract.ts',
      '**/*.fixture.ts',
      'tests/**/*.ts',
      'libs/testing/**/*.ts',
    ],
    rules: boundaries(layersWithTesting),
  },
  {
    files: ['libs/domain/src/**/*.ts'],
    ignores: ['**/*.spec.ts', '**/*.fixture.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ group: ['node:*'], message: 'The domain does no I/O.' }] }],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Time is an argument.' },
        { object: 'Math', property: 'random', message: 'Randomness is an argument.' },
      ],
      'no-restricted-globals': [
        'error',
        'process',
        'setTimeout',
        'setInterval',
        'setImmediate',
        'fetch',
        'performance',
        'crypto',
      ],
      'no-restricted-syntax': [
        'error',
        ...syntax,
        CONSTRUCTOR_OF_FIVE,
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Time is an argument.' },
      ],
    },
  },
  {
    files: ['**/*.mjs'],
    rules: { '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }] },
  },
];
