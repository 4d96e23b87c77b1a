import fc from 'fast-check';
import { type FaultPoint, faultPoints } from '../../runtime/fault-points.ts';
import { blobs, repositoryNames, tagNames } from './histories-contents.ts';

/**
 * What clients do. `push` is a whole one, blobs first; `image` only the manifest, which may be refused. `manifest`,
 * `children` and `subject` count what the repository has, or from `elsewhere` on what was ever made.
 */
export type ClientStep =
  | { do: 'upload' | 'skip' | 'deleteBlob' | 'begin'; repository: string; blob: number }
  | { do: 'mount'; repository: string; from: string; blob: number }
  | { do: 'push' | 'image'; repository: string; config: number; layers: number[]; tag: string | undefined }
  | { do: 'index'; repository: string; children: number[]; tag: string | undefined }
  | { do: 'referrer'; repository: string; subject: number; layer: number }
  | { do: 'artifact'; repository: string; number: number; tag: string | undefined }
  | { do: 'retag'; repository: string; manifest: number; tag: string }
  | { do: 'headManifest' | 'deleteManifest'; repository: string; manifest: number }
  | { do: 'deleteTag'; repository: string; tag: string }
  | { do: 'end' | 'cancel'; session: number };

export type Step =
  | ClientStep
  | { do: 'age'; hours: number }
  | { do: 'collect' }
  /** A run, after so long, in the middle of which clients do something. */
  | { do: 'collectAmid'; hours: number; moment: Moment; steps: ClientStep[] }
  /** kill -9 of the core while it is idle. */
  | { do: 'restart' }
  /** From now on the core dies at this passage of the point, if it comes there. */
  | { do: 'armCore'; point: FaultPoint; passage: number }
  | { do: 'killCollector'; point: FaultPoint; passage: number };

/** Of a run: sessions are expired; all is marked; the files of a batch are removed, their rows still there. */
export type Moment = 'expired' | 'marked' | 'removed';

const repository = fc.constantFrom(...repositoryNames);
const blob = fc.nat(blobs.length - 1);
const tag = fc.constantFrom(...tagNames);
const layers = fc.array(blob, { maxLength: 2 });
const tagOrNone = fc.option(tag, { nil: undefined });
/** Numbers from here on stand for manifests that the repository need not have. */
export const elsewhere = 6;
const pick = fc.nat(elsewhere + 2);
const passage = fc.integer({ min: 1, max: 3 });

function points(process: 'core' | 'gc'): fc.Arbitrary<FaultPoint> {
  // Without a trash there is nothing to undo, without policies no tag to remove.
  const passed = new RegExp(`^${process}\\.(?!trash|undo|policies)`);
  const names = (Object.keys(faultPoints) as FaultPoint[]).filter((name) => passed.test(name));
  return fc.constantFrom(...names);
}

function action<Kind extends ClientStep['do'], Fields extends object>(
  kinds: readonly Kind[],
  fields: { [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> },
) {
  return fc.record({ do: fc.constantFrom(...kinds), ...fields });
}

const upload = action(['upload', 'skip'], { repository, blob });
const clientStep = fc.oneof(
  { weight: 6, arbitrary: upload },
  { weight: 3, arbitrary: action(['mount'], { repository, from: repository, blob }) },
  { weight: 8, arbitrary: action(['push'], { repository, config: blob, layers, tag: tagOrNone }) },
  { weight: 1, arbitrary: action(['image'], { repository, config: blob, layers, tag: tagOrNone }) },
  {
    weight: 3,
    arbitrary: action(['index'], {
      repository,
      children: fc.array(pick, { minLength: 1, maxLength: 2 }),
      tag: tagOrNone,
    }),
  },
  { weight: 2, arbitrary: action(['referrer'], { repository, subject: pick, layer: blob }) },
  { weight: 1, arbitrary: action(['artifact'], { repository, number: fc.nat(2), tag: tagOrNone }) },
  { weight: 2, arbitrary: action(['retag'], { repository, manifest: pick, tag }) },
  { weight: 2, arbitrary: action(['headManifest'], { repository, manifest: pick }) },
  { weight: 3, arbitrary: action(['deleteManifest'], { repository, manifest: pick }) },
  { weight: 2, arbitrary: action(['deleteTag'], { repository, tag }) },
  { weight: 2, arbitrary: action(['deleteBlob'], { repository, blob }) },
  // Not the smallest: the status of an upload says the same of one byte and of none.
  {
    weight: 2,
    arbitrary: action(['begin'], { repository, blob: fc.integer({ min: 1, max: blobs.length - 1 }) }),
  },
  { weight: 3, arbitrary: action(['end', 'cancel'], { session: pick }) },
) as fc.Arbitrary<ClientStep>;

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 30, arbitrary: clientStep },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('age' as const),
      hours: fc.constantFrom(1, 6, 12, 13, 24, 25, 100, 168),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('collect' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('collectAmid' as const),
      hours: fc.constantFrom(0, 25, 200),
      moment: fc.constantFrom<Moment>('expired', 'marked', 'removed'),
      // Of what goes in this run something is to come back.
      steps: fc.array(fc.oneof(upload as fc.Arbitrary<ClientStep>, clientStep), {
        minLength: 1,
        maxLength: 5,
      }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('armCore' as const), point: points('core'), passage }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('killCollector' as const), point: points('gc'), passage }),
  },
);

/** Begins with something that is there, since deleting nothing finds nothing. */
export const history: fc.Arbitrary<Step[]> = fc
  .tuple(
    fc.array(fc.record({ do: fc.constant('upload' as const), repository, blob }), {
      minLength: 1,
      maxLength: 4,
    }),
    fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }),
  )
  .map(([uploads, steps]) => [...uploads, ...steps]);
