import { blobFact, type Facts, isLive } from './facts.ts';
import { blobsInOrder, MarkRules } from './mark-rules.ts';
import type { Handlers, Operation, Result } from './operations.ts';
import { lease } from './rules.ts';
import { type Blob, blobOf, type Key, keyText, type Session } from './universe.ts';

/** The result of what has none. */
const done = (_: unknown): Result => 1;

/**
 * The store's rules, abstractly: what each operation does to the facts. Written from docs/garbage-collection.md and
 * not from the SQL; every operation that both reach is compared with the real store. A weaker rule is a subclass.
 */
export class Model extends MarkRules {
  apply(facts: Facts, operation: Operation): Result {
    return (this.handlers[operation.do] as (facts: Facts, operation: Operation) => Result)(facts, operation);
  }

  forgetCondemned(facts: Facts, list: string): Result {
    for (const [blob, key] of pairs(list)) {
      if (facts.get(`blob ${blob}`) === `condemned ${key}`) facts.delete(`blob ${blob}`);
    }
    return 1;
  }

  tick(facts: Facts): Result {
    for (const [name, value] of facts) {
      if (/^(link|manifest|due|expiry) /.test(name)) facts.set(name, Math.max(0, Number(value) - 1));
    }
    return 1;
  }

  readonly handlers: Handlers<Facts, Result> = {
    'blob.read': (facts, { repository, blob }) => {
      const left = facts.get(`link ${repository} ${blob}`);
      const row = blobFact(facts, blob);
      if (left === undefined || row?.state !== 'present') return '';
      return `${row.key} ${left === lease ? 'fresh' : 'stale'}`;
    },
    'blob.stored': (facts, { blob }) => blobFact(facts, blob)?.key ?? '',
    'manifest.read': (facts, { repository, manifest }) => {
      const left = facts.get(`manifest ${repository} ${manifest}`);
      return left === undefined ? '' : left === lease ? 'fresh' : 'stale';
    },
    'session.read': (facts, { session }) => (facts.has(`session ${session}`) ? 1 : 0),
    'session.closing': (facts) =>
      [...facts]
        .filter(([name, value]) => name.startsWith('session ') && value !== 'open')
        .map(([name]) => name.slice('session '.length))
        .sort()
        .join(','),
    'link.renew': (facts, operation) => this.renewLink(facts, operation),
    'blob.damaged': (facts, { key }) => {
      const blob = blobOf(key);
      if (facts.get(`blob ${blob}`) !== `present ${key}`) return 0;
      facts.set(`blob ${blob}`, `damaged ${key}`);
      return 1;
    },
    'blob.mount': (facts, { repository, blob, from }) => {
      if (!facts.has(`link ${from} ${blob}`) || blobFact(facts, blob)?.state !== 'present') return 0;
      this.link(facts, repository, blob);
      return 1;
    },
    'blob.delete': (facts, operation) => this.deleteBlob(facts, operation),
    'session.open': (facts, { session }) => {
      facts.set(`session ${session}`, 'open').set(`expiry ${session}`, lease);
      return 1;
    },
    'session.close': (facts, { session, key }) => {
      if (facts.get(`session ${session}`) !== 'open') return 0;
      facts.set(`session ${session}`, `closing ${key}`).set(`expiry ${session}`, lease);
      return 1;
    },
    'session.closeUnrecorded': (facts, { session, key }) => {
      facts.set(`session ${session}`, `closing ${key}`).set(`expiry ${session}`, lease);
      return done(facts.set(`journal ${session}`, key));
    },
    'session.cancel': (facts, { session }) => this.removeSession(facts, session),
    'blob.commit': (facts, operation) => this.commit(facts, operation),
    'doomed.forget': (facts, { kind, name }) => done(facts.delete(`doomed ${kind} ${name}`)),
    'manifest.renew': (facts, operation) => this.renewManifest(facts, operation),
    'manifest.put': (facts, operation) => this.putManifest(facts, operation),
    'manifest.delete': (facts, operation) => this.deleteManifest(facts, operation),
    'tag.delete': (facts, { repository, tag }) => {
      const old = facts.get(`tag ${repository} ${tag}`);
      if (old === undefined) return 0;
      facts.delete(`tag ${repository} ${tag}`);
      this.review(facts, `manifest ${repository} ${old}`, 0);
      return 1;
    },
    'upload.create': (facts, { session }) => done(facts.set(`upload ${session}`, 1)),
    'upload.rename': (facts, { session, key }) => {
      if (facts.delete(`upload ${session}`)) facts.set(`file ${key}`, 1);
      return facts.has(`file ${key}`) ? 1 : 0;
    },
    'upload.discard': (facts, { session }) => done(facts.delete(`upload ${session}`)),
    'upload.whole': (facts, { session, key }) =>
      facts.has(`upload ${session}`) || facts.has(`file ${key}`) ? 1 : 0,
    'file.write': (facts, { key }) => done(facts.set(`file ${key}`, 1)),
    'file.size': (facts, { key }) => (facts.has(`file ${key}`) ? 1 : 0),
    'file.open': (facts, { key, repository }) => {
      if (facts.has(`file ${key}`)) return 'bytes';
      return isLive(facts, repository, blobOf(key)) ? 'gone, but live' : 'gone';
    },
    'file.remove': (facts, { key }) => (facts.delete(`file ${key}`) ? 1 : 0),
    'journal.restore': (facts, { session, key }) => {
      if (facts.get(`journal ${session}`) !== key) return 0;
      facts.delete(`upload ${session}`);
      return done(facts.set(`file ${key}`, 1));
    },
    'journal.settle': (facts) => this.settleJournal(facts),
    'gc.expire': (facts) => {
      const expired = [...facts].filter(([name, left]) => name.startsWith('expiry ') && left === 0);
      for (const [name] of expired) this.removeSession(facts, name.slice('expiry '.length) as Session);
      return expired.length;
    },
    'gc.mark': (facts) => this.mark(facts),
    'gc.condemned': (facts, { after: last }) => {
      const later = blobsInOrder.slice(blobsInOrder.indexOf(last as Blob) + 1);
      const rows = later.map((blob) => ({ blob, row: blobFact(facts, blob) }));
      return rows
        .filter(({ row }) => row?.state === 'condemned')
        .map(({ blob, row }) => `${blob}:${row!.key}`)
        .join(',');
    },
    'gc.remove': (facts, { key }) => (facts.delete(`file ${key}`) ? 1 : 0),
    'gc.forgetCondemned': (facts, { list }) => this.forgetCondemned(facts, list),
    'gc.doomed': (facts, { kind, after: last }) => {
      const prefix = `doomed ${kind} `;
      const names = [...facts.keys()].filter((name) => name.startsWith(prefix));
      const doomed = names.map((name) => name.slice(prefix.length) as Key).toSorted(byKeyText);
      return doomed.filter((name) => last === '' || byKeyText(last as Key, name) < 0).join(',');
    },
    'gc.forgetDoomed': (facts, { kind, list }) => {
      for (const name of list.split(',')) facts.delete(`doomed ${kind} ${name}`);
      return 1;
    },
    'weak.list': (facts) =>
      blobsInOrder.filter((blob) => facts.has(`blob ${blob}`) && !this.isLinked(facts, blob)).join(','),
    'weak.condemn': (facts, { list }) => {
      for (const blob of list.split(',')) this.condemn(facts, blob as Blob);
      return 1;
    },
    'weak.restore': (facts, { key }) => {
      facts.set(`file ${key}`, 1);
      facts.set(`blob ${blobOf(key)}`, `present ${key}`);
      this.link(facts, 'a', blobOf(key));
      return 1;
    },
    tick: (facts) => this.tick(facts),
    'kill core': () => 1,
    'kill collector': () => 1,
  };
}

export function pairs(list: string): [Blob, Key][] {
  return list === '' ? [] : list.split(',').map((entry) => entry.split(':') as [Blob, Key]);
}

const byKeyText = (a: Key, b: Key): number => (keyText(a) < keyText(b) ? -1 : 1);
