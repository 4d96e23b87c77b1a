import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { request, type Target } from '../support/http.ts';
import { pushBlob, pushManifest } from '../support/push.ts';
import { type Actor, Violation } from './actor.ts';
import { mounter } from './clients.ts';
import { collector } from './collector.ts';
import { core } from './core.ts';
import { type Facts, startFacts } from './facts.ts';
import { Model } from './model.ts';
import type { Name, Operation } from './operations.ts';
import { pusher } from './pusher.ts';
import { openGate, openStage, type Stage } from './stage.ts';
import { type Gate, Turns } from './turns.ts';
import { blobs, manifests, sessionId } from './universe.ts';

// The exhaustive part moves actors of its own. Here the product does the same alone, and has to make the same calls
// in the same order: a step that is added to it, left out or moved is to be added to the actor, left out or moved.

const calls: Partial<Record<Name, string>> = {
  'blob.read': 'promiseBlob',
  'link.renew': 'promiseBlob',
  'manifest.read': 'promiseManifest',
  'manifest.renew': 'promiseManifest',
  'manifest.put': 'putManifest',
  'session.open': 'openSession',
  'session.read': 'session',
  'session.close': 'closeSession',
  'session.closeUnrecorded': 'closeUnrecorded',
  'session.closing': 'closingSessions',
  'upload.create': 'createUpload',
  'upload.rename': 'commitUpload',
  'upload.discard': 'discardUpload',
  'blob.stored': 'storedBlob',
  'file.write': 'writeBlob',
  'file.size': 'size',
  'file.remove': 'remove',
  'blob.commit': 'commitBlob',
  'doomed.forget': 'forgetDoomed',
  'gc.expire': 'expireSessions',
  'gc.mark': 'mark',
  'gc.condemned': 'condemned',
  'gc.remove': 'remove',
  'gc.forgetCondemned': 'forgetCondemned',
  'gc.doomed': 'doomedKeys',
  'gc.forgetDoomed': 'forgetDoomed',
};

/** What concerns the bytes of one upload only, which the actors have in one piece. */
const privateCalls = ['openUpload', 'uploadSize', 'advanceSession'];
/** At a start, what looks for what power loss took: nothing here. */
const afterPowerLoss = ['uploadIds', 'doomStrays', 'journal', 'journaledContent'];
/** Two ways to give an upload its name; a small one's lasts because of the journal. */
const renames = ['commitUpload', 'placeUpload'];

/** An old index with its child and blob, every lease over. */
async function prepare(t: TestContext): Promise<Stage> {
  const stage = await openStage(t);
  const core = await stage.serve(openGate);
  await pushBlob(core, 'a', blobs.x.bytes);
  await pushManifest(core, 'a', manifests.c.digest, manifests.c.content);
  await pushManifest(core, 'a', 'latest', manifests.i0.content);
  stage.tick();
  stage.tick();
  while (!(await stage.collection.mark(0)).done);
  await stage.settle(openGate);
  return stage;
}

/** As the pusher does it, over HTTP. */
async function pushIndex(core: Target): Promise<void> {
  const { x } = blobs;
  const { c, i1 } = manifests;
  const isThere = async (path: string) => (await request(core, { method: 'HEAD', path })).status === 200;
  if (!(await isThere(`/v2/a/blobs/${x.digest}`))) await pushBlob(core, 'a', x.bytes);
  if (!(await isThere(`/v2/a/manifests/${c.digest}`))) await pushManifest(core, 'a', c.digest, c.content);
  await pushManifest(core, 'a', 'latest', i1.content);
}

/** The calls that the product makes, each of several in a row once. */
async function callsOf(work: (gate: Gate) => Promise<unknown>): Promise<string[]> {
  const turns = new Turns();
  const task = await turns.start('it', async (gate) => void (await work(gate)));
  await turns.finish(task);
  return inARowOnce(turns.history.map((line) => line.slice('it: '.length)));
}

/** The calls that the actor stands for. */
function callsOfActor(actor: Actor, facts: Facts): string[] {
  const model = new Model();
  const found: string[] = [];
  for (let local = actor.start; ; ) {
    const [step] = actor.steps(local);
    if (!step) return inARowOnce(found);
    const call = calls[step.operation.do];
    if (call) found.push(call);
    const next = step.after(model.apply(facts, step.operation));
    assert.ok(!(next instanceof Violation));
    local = next;
  }
}

function inARowOnce(names: string[]): string[] {
  const left = [...privateCalls, ...afterPowerLoss];
  const kept = names
    .filter((name) => !left.includes(name))
    .map((name) => (renames.includes(name) ? calls['upload.rename']! : name));
  return kept.filter((name, index) => name !== kept[index - 1]);
}

function factsAfter(...operations: Operation[]): Facts {
  const facts = startFacts();
  for (const operation of operations) new Model().apply(facts, operation);
  return facts;
}

/** What deletes the index and all that it held, up to the sweep. */
const condemning: Operation[] = [
  { do: 'manifest.delete', repository: 'a', manifest: 'i0' },
  { do: 'manifest.delete', repository: 'a', manifest: 'c' },
  ...Array<Operation>(3).fill({ do: 'gc.mark' }),
];

async function condemn(stage: Stage): Promise<void> {
  const context = { actor: 'tester', requestId: '-', clientAddress: '-' };
  for (const name of ['i0', 'c'] as const)
    await stage.registry.deleteManifest('a', manifests[name].digest, context);
  while (!(await stage.collection.mark(0)).done);
}

const push = (stage: Stage) => callsOf(async (gate) => pushIndex(await stage.serve(gate)));

test('a push of what is there makes the calls of the pusher', async (t) => {
  assert.deepEqual(await push(await prepare(t)), callsOfActor(pusher(), startFacts()));
});

test('a push of what is just being removed makes the calls of the pusher', async (t) => {
  const stage = await prepare(t);
  await condemn(stage);
  const made = await push(stage);
  assert.deepEqual(made, callsOfActor(pusher(), factsAfter(...condemning)));
  assert.ok(made.includes('commitBlob') && made.includes('remove'));
});

test('a small push into another repository makes the calls of the mounter', async (t) => {
  const stage = await prepare(t);
  await condemn(stage);
  const made = await callsOf((gate) => stage.pushSmall(gate, 'b', blobs.x.bytes));
  const calls = callsOfActor({ ...mounter(), start: { at: 'open' } }, factsAfter(...condemning));
  assert.deepEqual(
    made,
    calls.filter((call) => call !== 'putManifest'),
  );
  assert.ok(made.includes('closeUnrecorded') && made.includes('remove'));
});

test('a collection makes the calls of the collector', async (t) => {
  const stage = await prepare(t);
  await condemn(stage);
  const made = await callsOf((gate) => stage.collect(gate));
  assert.deepEqual(made, callsOfActor(collector({ runs: 1, kills: 0 }), factsAfter(...condemning)));
  assert.ok(made.includes('forgetCondemned'));
});

test('a collection of expired sessions makes the calls of the collector', async (t) => {
  const stage = await prepare(t);
  await closingSession(stage);
  stage.tick();
  stage.tick();
  const made = await callsOf((gate) => stage.collect(gate));
  const facts = factsAfter(...closing, { do: 'tick' }, { do: 'tick' });
  assert.deepEqual(made, callsOfActor(collector({ runs: 1, kills: 0 }), facts));
  assert.ok(made.includes('discardUpload'));
});

test('a core that starts again makes the calls of its actor', async (t) => {
  const stage = await prepare(t);
  await closingSession(stage);
  const made = await callsOf((gate) => stage.recover(gate));
  const actor = core({ kills: 0 });
  assert.deepEqual(
    made,
    callsOfActor({ ...actor, start: { at: 'start', kills: 0 } }, factsAfter(...closing)),
  );
  assert.ok(made.includes('commitBlob'));
});

const closing: Operation[] = [
  { do: 'session.open', session: 'p' },
  { do: 'upload.create', session: 'p' },
  { do: 'session.close', session: 'p', key: 'p' },
];

/** A core was killed before the rename. */
async function closingSession({ registry, store }: Stage): Promise<void> {
  const { digest, bytes } = blobs.x;
  const id = sessionId('p');
  const context = { actor: 'tester', requestId: '-', clientAddress: '-' };
  await registry.openSession({ id, repository: 'a', algorithm: 'sha256' }, context);
  await store.createUpload(id);
  const file = await store.openUpload(id, 0);
  await file.append([bytes]);
  await file.close();
  assert.ok(await registry.closeSession(id, digest, store.newKey(digest), bytes.length));
}
