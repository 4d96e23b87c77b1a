import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { faultPoints, parseFault } from '../../runtime/fault-points.ts';
import { run } from '../support/processes.ts';

const root = resolve(import.meta.dirname, '../..');
const table = 'runtime/fault-points.ts';
const sources = globSync('{oci,runtime,gateway,registry-core,gc,certs,supervisor,cli}/**/*.ts', {
  cwd: root,
});

/** File and text of every source but the table itself. */
const others = sources
  .filter((file) => file !== table)
  .map((file) => ({ file, text: readFileSync(resolve(root, file), 'utf8') }));

test('every fault point of the table is passed at one place, and every place is in the table', () => {
  const calls = others.flatMap(({ text }) => [...text.matchAll(/\bfaultPoint\((.*?)\)/g)]);
  const names = calls.map(([, argument]) => /^'(.*)'$/.exec(argument!)?.[1] ?? `computed: ${argument}`);
  assert.deepEqual(names.toSorted(), Object.keys(faultPoints).toSorted());
});

test('core’s points lie in the core, the collector’s in the collector', () => {
  for (const { file, text } of others) {
    const room = file.split('/')[0];
    for (const [, process] of text.matchAll(/\bfaultPoint\('(core|gc)\./g)) {
      assert.equal(room, process === 'core' ? 'registry-core' : 'gc', file);
    }
  }
});

test('nothing but the environment at the start of a process arms one', () => {
  assert.deepEqual(
    others.filter(({ text }) => /GATEHOUSE_FAULT|parseFault/.test(text)).map(({ file }) => file),
    [],
  );
});

test('what names no fault point is refused, so that no test kills nowhere', () => {
  assert.equal(parseFault(undefined), undefined);
  assert.deepEqual(parseFault('gc.mark.committed'), { name: 'gc.mark.committed', passagesLeft: 1 });
  assert.deepEqual(parseFault('gc.mark.committed:12'), { name: 'gc.mark.committed', passagesLeft: 12 });
  for (const bad of [
    '',
    'gc.mark',
    'toString',
    'gc.mark.committed:0',
    'gc.mark.committed:',
    'gc.mark.committed:1x',
  ]) {
    assert.throws(() => parseFault(bad), /names no fault point/, bad);
  }
});

/** Passes two points in turn, and says so. */
const passages = `
  import { faultPoint } from ${JSON.stringify(resolve(root, table))};
  for (let turn = 1; turn <= 3; turn++) {
    process.stdout.write('listed ' + turn + '\\n');
    faultPoint('gc.condemned.listed');
    process.stdout.write('removed ' + turn + '\\n');
    faultPoint('gc.condemned.removed');
  }`;

const cases: readonly (readonly [fault: string | undefined, lines: number])[] = [
  [undefined, 6],
  ['core.session.recorded', 6],
  ['gc.condemned.listed:4', 6],
  ['gc.condemned.listed', 1],
  ['gc.condemned.removed:2', 4],
];

for (const [fault, lines] of cases) {
  test(`GATEHOUSE_FAULT ${fault ?? 'not set'}: the process comes as far as it says`, async () => {
    const { code, stdout } = await run(process.execPath, ['--input-type=module', '-e', passages], {
      env: { GATEHOUSE_FAULT: fault },
    });
    assert.equal(stdout.split('\n').length - 1, lines);
    assert.equal(code, lines === 6 ? 0 : null, 'a signal ended it, nothing else');
  });
}
