// Runs the tests: `node test/run.js [file or folder…]`, all of test/ without arguments.
//
// Every file has a process of its own. The ones under test/e2e start servers and container engines,
// which on two cores disturb each other, so they run after all the others: at most one with a real
// client, and one without, at a time.
import { globSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { setTimeout } from 'node:timers/promises';
import { descendants, isAlive } from './support/processes.ts';

const ROOT = resolve(import.meta.dirname, '..');
const CONCURRENCY = 2;
const FILE_TIMEOUT_MS = 10 * 60_000;
// What a test file gets to clean up after it was told to end.
const GRACE_MS = 30_000;
// What somebody has set for themselves: settings of Gatehouse and of the clients, proxies, languages, colours, memory.
const PERSONAL =
  /^(GATEHOUSE_.*|MALLOC_.*|GLIBC_TUNABLES|DOCKER_.*|BUILDAH_.*|CONTAINER.*|STORAGE_.*|CURL_HOME|XDG_.*|LANG.*|LC_.*|.*_PROXY|(FORCE|NO)_COLOR)$/i;
const COUNTS = { tests: 'tests', suites: 'suites', passed: 'pass', failed: 'fail', cancelled: 'cancelled' };
const MORE_COUNTS = { skipped: 'skipped', todo: 'todo' };

for (const name of Object.keys(process.env)) if (PERSONAL.test(name)) delete process.env[name];
process.umask(0o022);
const startedAt = performance.now();
const files = findFiles(process.argv.slice(2));
const [slow, quick] = [files.filter(isEndToEnd), files.filter((file) => !isEndToEnd(file))];
const total = { tests: 0, suites: 0, passed: 0, failed: 0, cancelled: 0, skipped: 0, todo: 0 };
const problems = files.length === 0 ? ['there is no test file here'] : [];

process.on('exit', () => {
  for (const { pid } of descendants(process.pid)) kill(pid, 'SIGTERM');
});
await new Promise((done) => Readable.from(events()).pipe(new spec()).on('end', done).pipe(process.stdout));
if (total.tests === 0) problems.push('no test ran');
for (const problem of problems) process.stderr.write(`${problem}\n`);
// The summary is at the end, and whoever reads it may be slow.
await new Promise((written) => process.stdout.write('', written));
process.exit(problems.length > 0 || total.failed + total.cancelled > 0 ? 1 : 0);

function findFiles(paths) {
  const wanted = paths.length > 0 ? paths.map((path) => resolve(path)) : [join(ROOT, 'test')];
  const found = wanted.flatMap((path) =>
    statSync(path).isDirectory()
      ? globSync('**/*.test.ts', { cwd: path }).map((name) => join(path, name))
      : [path],
  );
  return [...new Set(found)].sort();
}

function isEndToEnd(file) {
  return relative(ROOT, file).startsWith(join('test', 'e2e'));
}

function hasClient(file) {
  return relative(ROOT, file).startsWith(join('test', 'e2e', 'clients'));
}

/** The events of all files, one file after the other, with one summary at the end. */
async function* events() {
  for await (const stream of inOrder(quick, CONCURRENCY)) yield* eventsOfFile(stream);
  const [client, other] = [slow.filter(hasClient), slow.filter((file) => !hasClient(file))];
  for await (const stream of inLanes([other, client])) yield* eventsOfFile(stream);
  for (const [count, name] of Object.entries({ ...COUNTS, ...MORE_COUNTS })) {
    yield diagnostic(`${name} ${total[count]}`);
  }
  yield diagnostic(`duration_ms ${(performance.now() - startedAt).toFixed(0)}`);
}

/** Starts the files, so many at once, and yields their event streams in the order of the files. */
async function* inOrder(names, atOnce) {
  const waiting = names.map((file) => ({ file, started: Promise.withResolvers() }));
  const queue = [...waiting];
  const work = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const { stream, ended } = runFile(next.file);
      next.started.resolve(stream);
      await ended;
    }
  };
  const workers = Array.from({ length: atOnce }, work);
  for (const { started } of waiting) yield await started.promise;
  await Promise.all(workers);
}

/** One file of each lane at a time; the streams of a lane come after those of the lane before. */
async function* inLanes(lanes) {
  const running = lanes.map((names) => inOrder(names, 1));
  // They work from their first `next` on, whether or not anybody reads.
  const first = running.map((lane) => lane.next());
  for (const [index, lane] of running.entries()) {
    for (let next = await first[index]; !next.done; next = await lane.next()) yield next.value;
  }
}

function runFile(file) {
  const { promise: ended, resolve: end } = Promise.withResolvers();
  const signal = AbortSignal.timeout(FILE_TIMEOUT_MS);
  const stream = run({ files: [file], isolation: 'process', signal });
  let hasTests = false;
  // Seen when they happen, while the stream itself may have to wait for its turn.
  stream.on('test:summary', (summary) => {
    if (summary.file !== undefined) {
      hasTests = true;
      return;
    }
    for (const count of Object.keys(total)) total[count] += summary.counts[count];
    if (summary.success && !hasTests) problems.push(`no test in ${relative(ROOT, file)}`);
    end(signal.aborted ? endWhatIsLeft(file) : undefined);
  });
  return { stream, ended };
}

async function* eventsOfFile(stream) {
  for await (const event of stream) {
    const ofWholeRun = event.data.file === undefined;
    if (ofWholeRun && ['test:diagnostic', 'test:summary', 'test:plan'].includes(event.type)) continue;
    yield event;
  }
}

/** The runner sends a file that takes too long a SIGTERM; a busy process does not hear it. */
async function endWhatIsLeft(file) {
  const stuck = descendants(process.pid).filter(({ commandLine }) => commandLine.includes(file));
  const tree = stuck.flatMap((parent) => [parent, ...descendants(parent.pid)]).map(({ pid }) => pid);
  const deadline = performance.now() + GRACE_MS;
  while (tree.some(isAlive)) {
    await setTimeout(100);
    if (performance.now() > deadline) for (const pid of tree) kill(pid, 'SIGKILL');
  }
}

function kill(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

function diagnostic(message) {
  return { type: 'test:diagnostic', data: { nesting: 0, message, level: 'info' } };
}
