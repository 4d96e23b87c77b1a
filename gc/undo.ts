import type { Digest } from '../oci/digest.ts';
import { type ParsedManifest, parseManifest } from '../oci/manifest.ts';
import type { Reference } from '../oci/reference.ts';
import type { TrashedManifest, TrashOfRun } from '../registry-core/metadata/collection.ts';
import { type CoreAnswer, CoreUnreachable, expectStatus } from './core-client.ts';
import { bringBlob, type UndoPlaces } from './undo-blob.ts';
import { newUndoReport, type UndoReport } from './undo-report.ts';

/**
 * Brings back what a run took away, in the way of a push: every blob is hashed, every manifest is accepted by the
 * ordinary rules, a tag is set only where its name is free. So people may push meanwhile, it may be cut off anywhere,
 * and doing it again does what is left. What was brought back is kept like what is pushed: by leases and policies.
 * @returns undefined when there was no such run.
 * @throws CoreUnreachable
 */
export async function undo(places: UndoPlaces, run: number): Promise<UndoReport | undefined> {
  const trash = await places.collection.trash.ofRun(run);
  return trash && (await new Undo(places, trash, reportOn(run, false, trash)).all());
}

class Undo {
  readonly #places: UndoPlaces;
  readonly #trash: TrashOfRun;
  readonly #report: UndoReport;
  readonly #ofRun: ReadonlySet<string>;
  /** What was looked at, by name, and whether it is there now. */
  readonly #seen = new Map<string, boolean>();

  constructor(places: UndoPlaces, trash: TrashOfRun, report: UndoReport) {
    this.#places = places;
    this.#trash = trash;
    this.#report = report;
    this.#ofRun = new Set(trash.manifests.map(({ repository, digest }) => `${repository}@${digest}`));
  }

  async all(): Promise<UndoReport> {
    for (const { repository, digest } of this.#trash.links) await this.#blob(repository, digest);
    for (const { repository, digest } of this.#trash.manifests) await this.#manifest(repository, digest);
    for (const tag of this.#trash.tags) {
      await this.#once(`tag ${tag.repository}:${tag.name}`, () => this.#tag(tag));
    }
    return this.#report;
  }

  #blob(repository: string, digest: Digest): Promise<boolean> {
    const name = `blob ${repository}@${digest}`;
    return this.#once(name, () => bringBlob(this.#places, this.#report, repository, digest));
  }

  #manifest(repository: string, digest: Digest): Promise<boolean> {
    return this.#once(`manifest ${repository}@${digest}`, async () => {
      if ((await this.#head(repository, { digest })).status === 200) {
        this.#report.already_there++;
        return;
      }
      const trashed = await this.#places.collection.trash.manifest(repository, digest);
      if (!trashed) throw new Error('it is no longer in the trash');
      const content = Buffer.from(trashed.content);
      await this.#prepare(repository, parseManifest(content, trashed.mediaType));
      expectStatus(await this.#put(repository, { digest }, { ...trashed, content }), 201);
      this.#report.manifests++;
    });
  }

  /**
   * What a manifest needs may have been taken away by another run; a subject and layers that it does not need only
   * matter when it was this one.
   */
  async #prepare(repository: string, manifest: ParsedManifest): Promise<void> {
    const { blobs, elsewhere, children, subject } = manifest;
    const { trash } = this.#places.collection;
    if (subject && this.#ofRun.has(`${repository}@${subject}`)) await this.#manifest(repository, subject);
    for (const digest of blobs) {
      if (!elsewhere.includes(digest)) await this.#blob(repository, digest);
    }
    for (const child of children) {
      if (await trash.manifest(repository, child)) await this.#manifest(repository, child);
    }
  }

  async #tag({ repository, name, digest }: TrashOfRun['tags'][number]): Promise<void> {
    const there = await this.#head(repository, { tag: name });
    if (there.status === 200 && there.headers['docker-content-digest'] === digest) {
      this.#report.already_there++;
      return;
    }
    if (there.status === 200)
      throw new Error(`the name is taken by ${there.headers['docker-content-digest']}`);
    const manifest = await this.#content(repository, digest);
    const answer = await this.#put(repository, { tag: name }, manifest, { 'if-none-match': '*' });
    if (answer.status === 412) throw new Error('the name was taken just now');
    expectStatus(answer, 201);
    this.#report.tags++;
  }

  async #content(repository: string, digest: Digest): Promise<TrashedManifest> {
    const { core, collection } = this.#places;
    const trashed = await collection.trash.manifest(repository, digest);
    if (trashed) {
      await this.#manifest(repository, digest);
      return trashed;
    }
    const answer = await core.send({
      kind: 'manifest',
      method: 'GET',
      repository,
      reference: { digest },
      tags: [],
    });
    if (answer.status === 404) throw new Error(`its manifest ${digest} is neither there nor in the trash`);
    expectStatus(answer, 200);
    return { mediaType: String(answer.headers['content-type']), content: answer.body };
  }

  #head(repository: string, reference: Reference): Promise<CoreAnswer> {
    const { core } = this.#places;
    return core.send({ kind: 'manifest', method: 'HEAD', repository, reference, tags: [] });
  }

  #put(
    repository: string,
    reference: Reference,
    { mediaType: type, content }: TrashedManifest,
    headers?: Record<string, string>,
  ): Promise<CoreAnswer> {
    const { core } = this.#places;
    const method = 'PUT';
    return core.send(
      { kind: 'manifest', method, repository, reference, tags: [] },
      { type, content },
      headers,
    );
  }

  /** Does it unless it was done. What fails is told in the report and stops nothing. */
  async #once(name: string, work: () => Promise<void>): Promise<boolean> {
    const known = this.#seen.get(name);
    if (known !== undefined) return known;
    const done = await work().then(
      () => true,
      (error) => {
        if (error instanceof CoreUnreachable) throw error;
        this.#report.could_not.push({ what: name, why: (error as Error).message });
        return false;
      },
    );
    this.#seen.set(name, done);
    return done;
  }
}

/** With what is certain from the start. */
function reportOn(
  run: number,
  dryRun: boolean,
  { links, manifests, tags, unclaimed }: TrashOfRun,
): UndoReport {
  const report = newUndoReport(run, dryRun);
  for (const digest of unclaimed) {
    const why = 'it is not known any more in which repository it was';
    report.could_not.push({ what: `blob ${digest}`, why });
  }
  if (links.length + manifests.length + tags.length + unclaimed.length === 0) {
    const why = 'nothing of it is in the trash: gc.trash was 0, its time is over, or it removed nothing';
    report.could_not.push({ what: `run ${run}`, why });
  }
  return report;
}

/** What there is to bring back, and what of it the trash no longer has. Asks nobody and changes nothing. */
export async function planUndo(
  { collection }: Pick<UndoPlaces, 'collection'>,
  run: number,
): Promise<UndoReport | undefined> {
  const trash = await collection.trash.ofRun(run);
  if (!trash) return undefined;
  const report = reportOn(run, true, trash);
  const { manifests, tags, links } = trash;
  Object.assign(report, { manifests: manifests.length, tags: tags.length, blobs: links.length });
  for (const digest of new Set(links.map((link) => link.digest))) {
    report.bytes += (await collection.trash.blobs(digest))[0]?.size ?? 0;
  }
  return report;
}
