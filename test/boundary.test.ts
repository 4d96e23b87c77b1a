import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { posix, resolve } from 'node:path';
import { test } from 'node:test';
import { type Import, importsOf } from './support/imports.ts';

const root = resolve(import.meta.dirname, '..');

/** Who may import whom, beside itself and Node: folders, single files, and of some only their types. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  oci: [],
  runtime: ['oci'],
  'registry-core': ['runtime', 'oci'],
  gateway: ['runtime', 'oci', 'certs/index.ts'],
  gc: [
    'registry-core/storage',
    'registry-core/metadata/collection.ts',
    'registry-core/metadata/inspection.ts',
    'registry-core/metadata/verification.ts',
    'type registry-core/metadata/clock.ts',
    'registry-core/retention.ts',
    'runtime',
    'oci',
  ],
  certs: [],
  supervisor: ['runtime'],
  cli: [
    'gateway/admin.ts',
    'gateway/audit/index.ts',
    'gc/index.ts',
    'gc/inspect.ts',
    'gc/undo-run.ts',
    'gc/verify-store.ts',
    'certs/index.ts',
    'supervisor/index.ts',
    'runtime',
    'oci',
  ],
  bin: ['cli/main.ts'],
};

/** Within one room. */
const mayNotImport: readonly (readonly [string, string])[] = [
  ['registry-core/handlers', 'registry-core/metadata/collection.ts'],
  ['registry-core/handlers', 'registry-core/metadata/inspection.ts'],
  ['registry-core/handlers', 'registry-core/metadata/verification.ts'],
  ['registry-core/handlers', 'registry-core/metadata/open.ts'],
  ['registry-core/storage', 'registry-core/metadata'],
];

/** Every npm package has exactly one importing file, type-only imports excepted. */
const importerOf: Readonly<Record<string, string>> = {
  '@zxcvbn-ts/language-common': 'gateway/identity/common-passwords.ts',
  'acme-client': 'certs/acme.ts',
  bcryptjs: 'gateway/identity/password-worker.ts',
  'better-sqlite3': 'runtime/sqlite.ts',
  'http-proxy': 'gateway/proxy.ts',
  jose: 'gateway/identity/jwt.ts',
  'node-cron': 'gc/schedule.ts',
  'node-forge': 'certs/der.ts',
  pino: 'runtime/log.ts',
  'prom-client': 'gateway/metrics/registry.ts',
  yaml: 'runtime/yaml.ts',
};

/** Where the name of a module may be computed: the mains are started as processes, the command is found. */
const mayCompute = ['supervisor/entries.ts', 'bin/gatehouse.js'];

function violations(file: string, source: string): string[] {
  return importsOf(source)
    .filter((found) => !isAllowed(file, found))
    .map(({ specifier }) => `${file} imports ${specifier ?? 'what it computes'}`);
}

function isAllowed(file: string, { specifier, isType }: Import): boolean {
  if (specifier === undefined) return mayCompute.includes(file);
  const room = file.split('/')[0]!;
  if (specifier.startsWith('node:')) return room !== 'oci';
  if (!/^[./]/.test(specifier)) return isType || importerOf[packageOf(specifier)] === file;
  const target = posix.join(posix.dirname(file), specifier);
  if (posix.basename(target) === 'package.json') return true;
  if (mayNotImport.some(([from, to]) => isWithin(file, from) && isWithin(target, to))) return false;
  return isWithin(target, room) || mayImport[room]!.some((entry) => isCovered(entry, target, isType));
}

function isCovered(entry: string, target: string, isType: boolean): boolean {
  const path = entry.replace(/^type /, '');
  return isWithin(target, path) && (isType || path === entry);
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

const rooms = Object.keys(mayImport);
const files = globSync(
  rooms.map((room) => `${room}/**/*.{ts,js,mjs}`),
  { cwd: root },
).sort();
const sourceOf = (file: string) => readFileSync(resolve(root, file), 'utf8');

for (const room of rooms) {
  test(`${room} imports what it may`, () => {
    const own = files.filter((file) => isWithin(file, room));
    assert.ok(own.length > 0, 'the room is empty');
    assert.deepEqual(
      own.flatMap((file) => violations(file, sourceOf(file))),
      [],
    );
  });
}

test('every dependency is imported by its one file, and every import is a dependency', () => {
  const { dependencies } = JSON.parse(sourceOf('package.json'));
  assert.deepEqual(Object.keys(importerOf), Object.keys(dependencies));
  for (const [name, file] of Object.entries(importerOf)) {
    const found = importsOf(sourceOf(file)).filter(
      ({ specifier }) => specifier && packageOf(specifier) === name,
    );
    assert.ok(
      found.some(({ isType }) => !isType),
      `${file} does not import ${name}`,
    );
  }
});

test('docs/architecture.md has the same table', () => {
  const rows = sourceOf('docs/architecture.md').matchAll(/^\| `([a-z-]+)` \| (.*) \|$/gm);
  const documented = new Map([...rows].map(([, room, text]) => [room, text!.split(';')[0]!]));
  for (const room of rooms.filter((name) => name !== 'bin')) {
    const names = [...(documented.get(room) ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
    const entries = mayImport[room]!.map((entry) => entry.replace(/^type /, ''));
    const matches = (entry: string, name: string) => entry === name || entry.endsWith(`/${name}`);
    assert.ok(documented.has(room), room);
    assert.deepEqual(
      names.filter((name) => !entries.some((entry) => matches(entry, name))),
      [],
      room,
    );
    assert.deepEqual(
      entries.filter((entry) => !names.some((name) => matches(entry, name))),
      [],
      room,
    );
  }
});

/** [file, source that breaks the rules there] */
const forbidden: readonly (readonly [string, string])[] = [
  ['oci/x.ts', `import { readFileSync } from 'node:fs';`],
  ['oci/x.ts', `import { openDatabase } from '../runtime/sqlite.ts';`],
  ['runtime/x.ts', `import type { Core } from '../registry-core/server.ts';`],
  [
    'gateway/x.ts',
    `import {\n  type BlobRow,\n  openRegistry,\n} from '../registry-core/metadata/registry.ts';`,
  ],
  ['gateway/x.ts', `export { main } from '../gc/main.ts';`],
  ['gateway/x.ts', `export * from '../registry-core/server.ts';`],
  ['gateway/x.ts', `import { sign } from '../certs/sign.ts';`],
  ['gateway/x.ts', `import '../registry-core/main.ts';`],
  [
    'gateway/x.ts',
    `async function f() {\n  const m = await import(\n    '../registry-core/main.ts'\n  );\n}`,
  ],
  ['gateway/x.ts', `type M = import('../registry-core/main.ts').Core;`],
  ['gateway/x.ts', `new Worker(new URL('../registry-core/main.ts', import.meta.url));`],
  ['gateway/x.ts', 'const path = f();\nawait import(path);'],
  ['gateway/x.ts', `const x = require('../registry-core/main.ts');`],
  ['gateway/x.ts', `import.meta.resolve('../registry-core/main.ts');`],
  ['gateway/x.ts', `import { request } from '../test/support/http.ts';`],
  ['gateway/x.ts', `import httpProxy from 'http-proxy';`],
  ['gateway/proxy.ts', `import { request } from 'undici';`],
  ['gateway/proxy.ts', `import { readFileSync } from 'fs';`],
  ['registry-core/handlers/x.ts', `import { openCollection } from '../metadata/collection.ts';`],
  ['registry-core/x.ts', `import { Gateway } from '../gateway/gateway.ts';`],
  ['gc/x.ts', `import { openRegistry } from '../registry-core/metadata/registry.ts';`],
  ['gc/x.ts', `import { checkClock } from '../registry-core/metadata/clock.ts';`],
  ['certs/x.ts', `import { fn } from '../supervisor/index.ts'`],
  ['supervisor/x.ts', `import { runCollection } from '../gc/index.ts';`],
  ['cli/commands/x.ts', `import { openGateway } from '../../gateway/gateway.ts';`],
  ['cli/x.ts', `// it's fine\nimport { a } from 'node:fs'; import { x } from 'jose';`],
];

for (const [file, source] of forbidden) {
  test(`would be found in ${file}: ${source.replaceAll(/\s+/g, ' ')}`, () => {
    assert.equal(violations(file, source).length, 1);
  });
}

test('would not be found: what is allowed, and what only looks like an import', () => {
  for (const [file, source] of [
    [
      'gateway/x.ts',
      `import { a } from '../certs/index.ts';\nimport { b } from './y.ts';\nimport 'node:fs';`,
    ],
    ['gateway/x.ts', `import type { Database } from 'better-sqlite3';`],
    ['gc/x.ts', `import type { ClockReading } from '../registry-core/metadata/clock.ts';`],
    ['certs/x.ts', `const { sign } = await import('./sign.ts');`],
    ['gateway/x.ts', `// import { x } from '../gc/index.ts';\n/**\n * import('../gc/index.ts')\n */`],
    ['gateway/x.ts', `export const text = 'a';\nconst from = '../gc/index.ts';`],
  ] as const) {
    assert.deepEqual(violations(file, source), [], source);
  }
});
