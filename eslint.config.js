import { readdirSync } from 'node:fs';
import { builtinModules } from 'node:module';
import eslint from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const INWARD = 'Imports point inwards: adapters import the application, which imports the domain.';
const COMPOSITION = { regex: '/composition/|/main\\.', message: INWARD };
const ADAPTERS = { regex: '/adapters/', message: INWARD };
const APPLICATION = { regex: '/application/', message: INWARD };
const INVERSIFY = { regex: '^@?inversify', message: 'Only src/composition/ imports inversify.' };
const PACKAGES = { regex: '^[^.]', message: 'The core imports no packages. Its dependencies are ports.' };
const NODE = {
  regex: `^node:|^(${builtinModules.join('|')})$`,
  message: 'This runs on every host. What only one host provides is a dependency.',
};
const SERVICE = { regex: '^\\.\\./', message: 'The client imports no code of the service.' };
const PACKAGES_OF_CLIENT = { regex: '^[^.]', message: 'The client has no dependencies.' };
const PACKAGES_OF_WEB = {
  regex: '^(?!\\.|preact($|/)|cassandra-messenger-client$)',
  message: 'The web client depends only on Preact and the typed client.',
};
const OUTSIDE_OF_WEB = {
  regex: '^(\\.\\./)+(src|client|node_modules)/',
  message: 'The web client imports only the typed client, and no code of the service.',
};
const OUTSIDE = {
  regex: '/(scripts|test|bench)/',
  message: 'The service and the clients import no scripts, tests or benchmarks.',
};

const TIME_RULE_MESSAGE = 'Time and randomness are parameters, from Clock and MessageIds.';
const TIME_AND_RANDOMNESS = [
  { selector: 'MemberExpression[object.name="Date"][property.name="now"]', message: TIME_RULE_MESSAGE },
  { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: TIME_RULE_MESSAGE },
  { selector: 'CallExpression[callee.name="Date"]', message: TIME_RULE_MESSAGE },
  { selector: 'MemberExpression[object.name="Math"][property.name="random"]', message: TIME_RULE_MESSAGE },
];

/** The import rules do not check `import()`. */
const HIDDEN_IMPORT = {
  selector: 'ImportExpression[source.value=/^[.]/]',
  message: 'Import the files of this project at the top of the file.',
};

/** What `files` must not import or contain. A later rule replaces an earlier one, so each folder lists all of its rules. */
function forbid(files, { imports, syntax = [], globals = [] }) {
  return {
    files,
    rules: {
      'no-restricted-imports': ['error', { patterns: [OUTSIDE, ...imports] }],
      'no-restricted-syntax': ['error', HIDDEN_IMPORT, ...syntax],
      'no-restricted-globals': ['error', ...globals],
    },
  };
}

/** Adapters that run wherever there is `fetch`. */
const PORTABLE = ['edge', 'http', 'memory'];

const adapters = readdirSync(`${import.meta.dirname}/src/adapters`);
const adapterRules = adapters.map((adapter) => {
  const others = adapters.filter((other) => other !== adapter).join('|');
  const siblings = { regex: `/(${others})/`, message: 'An adapter imports no other adapter.' };
  const portable = PORTABLE.includes(adapter);
  return forbid([`src/adapters/${adapter}/**`], {
    imports: [INVERSIFY, COMPOSITION, siblings, ...(portable ? [NODE] : [])],
    globals: portable ? ['process', 'Buffer', 'global', 'setImmediate'] : [],
  });
});

export default defineConfig(
  { ignores: ['**/dist/', 'client/src/schema.ts', 'coverage/', '.cassandra/', '.venv-faults/'] },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error', reportUnusedInlineConfigs: 'error' },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      // Spreading a string gives its code points, which is intended.
      '@typescript-eslint/no-misused-spread': ['error', { allow: ['string'] }],
      '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^_', argsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
    },
  },
  forbid(['src/domain/**'], {
    imports: [PACKAGES, COMPOSITION, ADAPTERS, APPLICATION],
    syntax: TIME_AND_RANDOMNESS,
  }),
  forbid(['src/application/**'], { imports: [PACKAGES, COMPOSITION, ADAPTERS], syntax: TIME_AND_RANDOMNESS }),
  adapterRules,
  forbid(['src/composition/**'], { imports: [] }),
  forbid(['src/main.*'], { imports: [INVERSIFY] }),
  forbid(['client/src/**'], {
    imports: [PACKAGES_OF_CLIENT, SERVICE],
    globals: ['process', 'Buffer', 'global', 'setImmediate', 'window', 'document', 'localStorage'],
  }),
  {
    files: ['test/**', 'scripts/**', 'bench/**'],
    rules: {
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    // Parts of these files run in a page. The program has the types of Node, which conflict with those of the DOM.
    files: ['test/browser/**', 'scripts/screenshot.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/restrict-plus-operands': 'off',
    },
  },
  forbid(['web/src/**'], { imports: [PACKAGES_OF_WEB, OUTSIDE_OF_WEB] }),
  { files: ['**/*.js'], extends: [tseslint.configs.disableTypeChecked] },
);
