/**
 * Places at which a process can be made to die, each on one side of a durable step, and what stands there. Only the
 * environment of the process arms one, and only at its start: `GATEHOUSE_FAULT=<name>:<n>` is kill -9 at the n-th
 * passage. The tests kill at every one of them; see "When something crashes" in docs/garbage-collection.md.
 */
export const faultPoints = {
  'core.session.recorded': 'the session’s row; no file of it',
  'core.upload.created': 'row and empty file; no client knows of them',
  'core.upload.appended': 'the bytes, perhaps not synced; the row has the offset before them',
  'core.offset.recorded': 'row and file agree; no client was told',
  'core.upload.synced': 'all bytes, synced; the session is open',
  'core.closing.recorded': 'the session is closing and names digest and key; the file has its old name',
  'core.upload.renamed': 'the file under its key, its directory not synced; the session is closing',
  'core.directory.synced': 'the file under its key, durably; the session is closing',
  'core.blob.written': 'the file of a small upload under its key, perhaps not synced; the session is closing',
  'core.blob.committed': 'the blob; a displaced file is still there, its key doomed',
  'core.displaced.removed': 'the displaced file is unlinked, perhaps not durably; its key is doomed',
  'core.displaced.synced': 'the displaced file is gone; its key is doomed',
  'core.displaced.forgotten': 'the blob, nothing beside it; no client was told',
  'core.journal.settled': 'small blobs whose files survive power loss; their bytes are in the journal too',
  'core.journal.forgotten': 'the same blobs, nothing of them in the journal',
  'core.cancelled.discarded': 'the session’s row; its file is unlinked',
  'core.cancelled.recorded': 'no row; the file is unlinked, perhaps not durably, and doomed',
  'core.cancelled.synced': 'no row, no file; the file is doomed',
  'core.cancelled.forgotten': 'nothing of the session; no client was told',
  'core.transaction.written': 'writes of one transaction, none of them committed',
  'core.transaction.committed': 'writes of one transaction, all of them durable; no client was told',
  'gc.sessions.expired': 'a batch of expired sessions is gone, their files are doomed',
  'gc.policies.committed':
    'tags that a policy gave up are gone, not all of them; what they named is on the review list',
  'gc.mark.committed': 'what one transaction of mark decided; the review list has the rest',
  'gc.events.trimmed': 'a batch of old events is gone',
  'gc.condemned.listed': 'a condemned blob, its file still there',
  'gc.condemned.removed': 'a condemned blob, its file unlinked, perhaps not durably',
  'gc.condemned.synced': 'condemned blobs without files',
  'gc.condemned.forgotten': 'neither rows nor files of a batch; no report of it',
  'gc.doomed.listed': 'a doomed key, its file still there',
  'gc.doomed.removed': 'a doomed key, its file unlinked, perhaps not durably',
  'gc.doomed.synced': 'doomed keys without files',
  'gc.doomed.forgotten': 'neither keys nor files of a batch',
  'gc.trash.recorded': 'condemned blobs and where in the trash they will be; their files under their keys',
  'gc.trash.moved': 'a condemned blob, its file in the trash, perhaps not durably',
  'gc.trash.synced': 'condemned blobs, their files in the trash',
  'gc.trash.forgotten': 'files in the trash, named there alone',
  'gc.trash.removed': 'a file of the trash unlinked, perhaps not durably; its row',
  'gc.trash.purged': 'rows of the trash without files',
  'gc.undo.uploaded': 'a blob that is back, its copy in the trash still there',
  'gc.undo.removed': 'a blob that is back; the row of its copy, no file of it',
  'gc.run.swept': 'all work of the run; no report',
  'gc.run.recorded': 'the report; whoever asked for the run was not told',
} as const;

export type FaultPoint = keyof typeof faultPoints;

interface Armed {
  name: string;
  passagesLeft: number;
}

/** Counts in each thread for itself; a point lies in one thread only. */
const armed = parseFault(process.env['GATEHOUSE_FAULT']);

/** Ends this process, as kill -9 does, where its environment says so; anywhere else it does nothing. */
export function faultPoint(name: FaultPoint): void {
  if (armed === undefined || armed.name !== name || --armed.passagesLeft > 0) return;
  process.kill(process.pid, 'SIGKILL');
  // The signal may reach another thread first: this one goes no further.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

/** @throws Error for what names no fault point: a test that kills nowhere would prove nothing. */
export function parseFault(text: string | undefined): Armed | undefined {
  if (text === undefined) return undefined;
  const [, name, passage = '1'] = /^([a-z.]+)(?::([1-9]\d{0,8}))?$/.exec(text) ?? [];
  if (name === undefined || !Object.hasOwn(faultPoints, name)) {
    throw new Error(`GATEHOUSE_FAULT names no fault point: ${text}`);
  }
  return { name, passagesLeft: Number(passage) };
}
