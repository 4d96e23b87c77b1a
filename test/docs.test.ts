import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { type ErrorCode, errorTable, sentCode } from '../oci/errors.ts';
import { loadConfig } from '../runtime/config.ts';
import { type ConfigName, configSchema, environmentName, type ValueType } from '../runtime/config-schema.ts';
import { configFlags } from '../runtime/flags.ts';
import { secretVariables } from '../supervisor/index.ts';
import { temporaryDirectory } from './support/files.ts';

const root = resolve(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const page = read('docs/configuration.md');
const names = Object.keys(configSchema) as ConfigName[];

/** The text between a heading and the next. */
function section(heading: string): string {
  const [, text] = page.split(`\n## ${heading}\n`);
  assert.ok(text, `there is no section "${heading}"`);
  return text.split('\n## ')[0]!;
}

function rows(text: string): string[][] {
  const lines = text.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) => line.slice(2, -2).split(' | '));
}

test('the table of settings is the schema, row by row', () => {
  const expected = names.map((name) => {
    const { type, default: fallback, description } = configSchema[name];
    return [
      `\`${name}\``,
      `\`${environmentName(name)}\``,
      fallback === '' ? 'empty' : `\`${fallback}\``,
      type.expected,
      description,
    ];
  });
  assert.deepEqual(rows(section('All settings')), expected);
});

test('the example is a good file, and every line of it has an effect', async (t) => {
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(section('The file')) ?? [];
  const file = join(await temporaryDirectory(t), 'gatehouse.yml');
  writeFileSync(file, yaml);
  const { config, given } = loadConfig({ file, environment: {} });
  const defaults = loadConfig({ environment: {} }).config;
  assert.ok(given.size >= 8);
  const same = [...given].filter((name) => name !== 'port' && config[name] === defaults[name]);
  assert.deepEqual(same, []);
  assert.deepEqual(config.hostname, ['registry.example.com', '10.0.0.7']);
});

test('the examples of values are good ones', () => {
  const kinds: Record<string, ConfigName> = {
    duration: 'gc.untagged',
    rate: 'limits.account_requests',
    size: 'storage.reserve',
    list: 'hostname',
    path: 'storage.root',
    switch: 'auth.own_namespace',
  };
  const table = rows(section('How values are written'));
  assert.deepEqual(
    table.map(([kind]) => kind),
    Object.keys(kinds),
  );
  for (const [kind, , examples] of table) {
    const type: ValueType<unknown> = configSchema[kinds[kind!]!].type;
    for (const [, example] of examples!.matchAll(/`([^`]+)`/g))
      assert.ok(type.parse(example!) !== undefined, example!);
  }
});

test('every flag, every variable and every key that the page names exists, and none is left out', () => {
  const flags = new Set([...page.matchAll(/`--([a-z]+)/g)].map(([, flag]) => flag!));
  assert.deepEqual([...flags].sort(), Object.keys(configFlags).sort());
  const variables = new Set([...page.matchAll(/GATEHOUSE_[A-Z_]*[A-Z]/g)].map(([variable]) => variable));
  const known = [...names.map(environmentName), ...secretVariables, 'GATEHOUSE_CONFIG'];
  assert.deepEqual([...variables].sort(), known.sort());
});

test('links of the pages lead somewhere', () => {
  for (const file of ['README.md', ...globSync('docs/**/*.md', { cwd: root })]) {
    for (const [, target] of read(file).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
      assert.ok(existsSync(join(root, dirname(file), target!)), `${file} links to ${target}`);
    }
  }
});

test('docs/protocol.md has every error code with its status, its meaning and the code that goes out', () => {
  const described = read('docs/protocol.md').matchAll(
    /^\| `([A-Z_]+)` \| ([0-9]{3}) \| (.+?) \| (?:`([A-Z_]+)` )?\|$/gm,
  );
  const found = [...described].map(([, code, status, message, sent = code]) => [
    code,
    +status!,
    message,
    sent,
  ]);
  const wanted = Object.entries(errorTable).map(([code, { status, message }]) => {
    return [code, status, message, sentCode(code as ErrorCode)];
  });
  assert.deepEqual(found, wanted);
});

/** Rows of the tables under "Clauses": clause, level, what we do, tests. */
function clauses(): string[][] {
  const [, text] = read('docs/protocol.md').split('\n## Clauses\n');
  return text!.split('\n### ').slice(1).flatMap(rows);
}

test('every clause in docs/protocol.md has a level, an answer and tests', () => {
  const all = clauses();
  assert.ok(all.length >= 110, `only ${all.length} clauses`);
  for (const row of all) {
    assert.equal(row.length, 4, row.join(' | '));
    const [clause, level, here, tests] = row as [string, string, string, string];
    assert.ok(clause.length > 0 && here.length > 0, clause);
    assert.match(
      level,
      /^(?:(?:MUST|MUST NOT|SHOULD|SHOULD NOT|MAY|OPTIONAL|should|says|—)(?:, |$))+$/,
      clause,
    );
    assert.match(tests, /^`[^`]+` \([a-z0-9/-]+\)(?:; `[^`]+` \([a-z0-9/-]+\))*$/, clause);
  }
});

test('every test that a clause in docs/protocol.md names is there and cannot be skipped', () => {
  const cited = clauses().flatMap((row) => [...row.at(-1)!.matchAll(/`([^`]+)` \(([^)]+)\)/g)]);
  assert.ok(cited.length >= 150, `only ${cited.length} tests are named`);
  const faults = cited.map(([, name, file]) => testFault(name!, `test/${file}.test.ts`));
  assert.deepEqual(
    faults.filter((fault) => fault !== undefined),
    [],
  );
});

/** A test of the outermost level, without options (`skip`, `todo`), in a file that needs no other program. */
function testFault(name: string, file: string): string | undefined {
  if (!existsSync(join(root, file))) return `${file} is not there`;
  if (file.startsWith('test/e2e/')) return `${file} needs what is not on every machine`;
  const source = read(file);
  if (/missingTool|\.skip\(|\.todo\(|\.only\(/.test(source)) return `${file} may skip tests`;
  const begin = [...source.matchAll(/^test\(\s*'(.*)',\s*(\S)/gm)].filter(([, found]) => found === name);
  if (begin.length !== 1) return `${file} has ${begin.length} tests named: ${name}`;
  return begin[0]![2] === '{' ? `${file} has options for: ${name}` : undefined;
}

test('every test that docs/garbage-collection.md names exists', () => {
  const sources = globSync('test/**/*.test.ts', { cwd: root }).map(read).join('\n');
  const names = new Set([...sources.matchAll(/^test\(\s*'(.*)',/gm)].map(([, name]) => name!));
  const table = read('docs/garbage-collection.md').match(/^\| .* \| .* \| `.*$/gm) ?? [];
  const lastCells = table.map((line) => line.split(' | ').at(-1)!);
  const cited = lastCells.flatMap((cell) => [...cell.matchAll(/`([^`]{20,})`/g)].map(([, name]) => name!));
  assert.ok(cited.length >= 10, `only ${cited.length} tests are named`);
  assert.deepEqual(
    cited.filter((name) => !names.has(name) && !name.endsWith('.ts')),
    [],
  );
});
