/** What an undo did, or with `dry_run` what there is to do. The names are an interface for scripts. */
export interface UndoReport {
  run: number;
  dry_run: boolean;
  /** Blobs, manifests and tags that were brought back. */
  blobs: number;
  manifests: number;
  tags: number;
  /** Bytes that came out of the trash; a mount brings none. */
  bytes: number;
  /** Things of the run that were there already, or again. */
  already_there: number;
  could_not: { what: string; why: string }[];
}

export function newUndoReport(run: number, dryRun: boolean): UndoReport {
  return { run, dry_run: dryRun, blobs: 0, manifests: 0, tags: 0, bytes: 0, already_there: 0, could_not: [] };
}
