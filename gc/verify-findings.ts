/** Something wrong, as `gatehouse verify --json` lists it. */
export interface Finding {
  problem: Problem;
  /** A digest, `repository@digest`, or the name of a file. */
  what: string;
  message: string;
  bytes: number;
}

/**
 * missing, size, digest, unreadable: of a blob's file. damaged: found so before, no push has healed it yet. recovered:
 * marked damaged, and whole. manifest: its bytes. references: its rows say something else than its bytes. link: the
 * repository may not read a blob that its manifest needs. unnamed: a file that no row names. foreign: one that is not
 * ours. trash: a file of the trash that is not there, or not whole. forgotten: nothing keeps it and no run would look at it. database: SQLite's own check.
 */
export type Problem =
  | 'missing'
  | 'size'
  | 'digest'
  | 'unreadable'
  | 'damaged'
  | 'recovered'
  | 'manifest'
  | 'references'
  | 'link'
  | 'unnamed'
  | 'foreign'
  | 'trash'
  | 'forgotten'
  | 'database';

/** repaired: it is well now. marked: nobody is told any more that it exists, and the next push of it heals it. */
export type Outcome = 'found' | 'repaired' | 'marked';

/** What a verification found. The names are an interface for scripts. */
export interface VerifyReport {
  started_at: string;
  finished_at: string;
  duration_ms: number;
  quick: boolean;
  repair: boolean;
  /** What was looked at. */
  manifests: number;
  blobs: number;
  files: number;
  /** Bytes of blobs that were read. */
  bytes_read: number;
  /** How much is wrong, by kind. */
  problems: Partial<Record<Problem, number>>;
  /** Of these: put right, marked as damaged, left as they were. */
  repaired: number;
  marked: number;
  left: number;
  /** The first of them. */
  findings: (Finding & { outcome: Outcome })[];
}

/** Something that a person has to look at before anything is changed. */
export class VerifyRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'VerifyRefused';
  }
}

export class Findings {
  readonly #quick: boolean;
  readonly #repair: boolean;
  readonly #limit: number;
  readonly #startedAt = new Date();
  readonly #problems: Partial<Record<Problem, number>> = {};
  readonly #outcomes: Record<Outcome, number> = { found: 0, repaired: 0, marked: 0 };
  readonly #listed: VerifyReport['findings'] = [];
  readonly looked = { manifests: 0, blobs: 0, files: 0, bytesRead: 0 };

  constructor({ quick, repair, limit }: { quick: boolean; repair: boolean; limit: number }) {
    this.#quick = quick;
    this.#repair = repair;
    this.#limit = limit;
  }

  add(finding: Finding, outcome: Outcome = 'found'): void {
    this.#problems[finding.problem] = (this.#problems[finding.problem] ?? 0) + 1;
    this.#outcomes[outcome]++;
    if (this.#listed.length < this.#limit) this.#listed.push({ ...finding, outcome });
  }

  /** The same with what puts it right, where that is wanted. @param repair tells whether it did. */
  async settle(
    finding: Finding,
    outcome: 'repaired' | 'marked',
    repair: () => Promise<boolean>,
  ): Promise<void> {
    this.add(finding, this.#repair && (await repair()) ? outcome : 'found');
  }

  report(): VerifyReport {
    const now = new Date();
    const { manifests, blobs, files, bytesRead } = this.looked;
    const { found, repaired, marked } = this.#outcomes;
    return {
      started_at: this.#startedAt.toISOString(),
      finished_at: now.toISOString(),
      duration_ms: now.getTime() - this.#startedAt.getTime(),
      quick: this.#quick,
      repair: this.#repair,
      manifests,
      blobs,
      files,
      bytes_read: bytesRead,
      problems: this.#problems,
      repaired,
      marked,
      left: found,
      findings: this.#listed,
    };
  }
}
