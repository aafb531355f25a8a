/** Puts the command line and all that it needs into few files: a process that reads hundreds of them starts late. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Zod's messages in fifty languages: nobody asks for another one, and reading them takes as long as all of this. */
const withoutLanguages = {
  name: 'without-languages',
  setup: ({ onLoad }) =>
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({ contents: 'export {};', loader: 'js' })),
};

await build({
  entryPoints: [at('src/main.ts')],
  outdir: at('dist/bundled'),
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  conditions: ['@fornax/source'],
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: 'linked',
  sourcesContent: false,
  logLevel: 'warning',
  plugins: [withoutLanguages],
  // Packages of the older kind ask for the modules of Node with it.
  banner: { js: "import{createRequire as requireFor}from'node:module';const require=requireFor(import.meta.url);" },
});
