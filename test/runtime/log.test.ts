import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Scope } from '../support/scope.ts';
import { moduleUrl, runScript } from './support.ts';

/** The lines that a script with a `log` writes, parsed. */
async function lines(scope: Scope, body: string, level = 'debug'): Promise<Record<string, unknown>[]> {
  const source = `import { createLog } from '${moduleUrl('log.ts')}';
    const log = createLog('gateway', '${level}');
    ${body}
    process.disconnect();`;
  const script = await runScript(scope, source);
  assert.equal((await script.exit()).code, 0, script.stderr());
  assert.equal(script.stdout(), '');
  return script
    .stderr()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('a line is a JSON object on standard error', async (t) => {
  const [line] = await lines(t, `log.info('request', { status: 200, requestId: 'r' })`);
  const { time, pid, ...rest } = line!;
  assert.deepEqual(rest, {
    level: 'info',
    component: 'gateway',
    status: 200,
    requestId: 'r',
    message: 'request',
  });
  assert.equal(typeof pid, 'number');
  assert.equal(new Date(time as string).toISOString(), time);
});

test('what is below the level is not written', async (t) => {
  const body = `for (const level of ['debug', 'info', 'warn', 'error']) log[level](level)`;
  assert.deepEqual(
    (await lines(t, body, 'warn')).map(({ message }) => message),
    ['warn', 'error'],
  );
  assert.deepEqual(
    (await lines(t, body)).map(({ level }) => level),
    ['debug', 'info', 'warn', 'error'],
  );
});

test('secrets are blanked by their names, however deep and however written', async (t) => {
  const secret = 'planted-secret';
  const body = `const s = '${secret}';
    log.info('a', { password: s, token: s, cookie: s, secret: s, passwordHash: s, authorization: s });
    log.info('b', { user: { password: s }, headers: { Authorization: s, 'Set-Cookie': [s], 'proxy-authorization': s } });
    log.info('c', { request: { options: { headers: { AUTHORIZATION: s } } }, list: [{ deep: [{ token: s }] }] });
    log.info('d', { token: { nested: s }, tokens: 5, name: 'kept' });
    log.warn('e', { error: new Error('m', { cause: { password: s } }) });`;
  const written = await lines(t, body);
  assert.equal(written.length, 5);
  assert.doesNotMatch(JSON.stringify(written), new RegExp(secret));
  assert.deepEqual(
    [written[3]!['token'], written[3]!['tokens'], written[3]!['name']],
    ['[secret]', 5, 'kept'],
  );
});

test('an error is written with name, message, code, stack and cause, wherever it stands', async (t) => {
  const body = `const cause = Object.assign(new TypeError('inner'), { code: 'ENOSPC' });
    const error = new RangeError('outer', { cause });
    log.error('failed', { error });
    log.error('failed', { result: { error } });
    log.error('failed', { error: 'only text' });
    log.error('failed', { error: undefined });`;
  const [first, second, third] = await lines(t, body);
  const error = first!['error'] as Record<string, unknown>;
  assert.deepEqual([error['name'], error['message']], ['RangeError', 'outer']);
  assert.match(error['stack'] as string, /RangeError: outer\n {4}at /);
  const cause = error['cause'] as Record<string, unknown>;
  assert.deepEqual([cause['name'], cause['message'], cause['code']], ['TypeError', 'inner', 'ENOSPC']);
  assert.deepEqual((second!['result'] as Record<string, unknown>)['error'], error);
  assert.equal(third!['error'], 'only text');
});

test('what refers to itself, is huge in depth or has no JSON does not stop the log', async (t) => {
  const body = `const circle = {}; circle.self = circle;
    const error = new Error('round'); error.cause = error;
    let deep = {}; for (let i = 0; i < 10_000; i++) deep = { deep };
    log.info('a', { circle, list: [circle] });
    log.error('b', { error });
    log.info('c', { deep, bigint: 5n, none: undefined, date: new Date(0), fn() {}, map: new Map() });
    log.info('line\\nbreak', { text: 'a\\nb\\u2028' });`;
  const written = await lines(t, body);
  assert.deepEqual(
    written.map(({ message }) => message),
    ['a', 'b', 'c', 'line\nbreak'],
  );
  assert.equal((written[1]!['error'] as Record<string, unknown>)['message'], 'round');
  assert.equal(written[2]!['date'], '1970-01-01T00:00:00.000Z');
});
