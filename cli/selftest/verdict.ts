/** What a soak saw. The names are an interface for scripts. */
export interface SoakReport {
  passed: boolean;
  /** Why it has failed, in words; empty when it passed. */
  failures: string[];
  duration_ms: number;
  /** Answers of the registry that its clients asked for. */
  events: number;
  collections: number;
  pushes: number;
  pulls: number;
  deletions: number;
  retags: number;
  blobs_uploaded: number;
  blobs_swept: number;
  bytes_freed: number;
  /** Uploads of a digest that a collection had condemned and not yet forgotten. */
  repushed_while_condemned: number;
  late_pushes: number;
  refused_pushes: number;
  broken_pulls: number;
  /** Files that were left when everything had been deleted and collected. */
  files_left: number;
}

/** A soak proves something only if so many of the blobs that it pushed were swept, in percent. */
const leastSweptPercent = 10;
const namedFailures = 10;

/** @param told what clients and collections complained about. @returns why the soak has failed; empty: it has not. */
export function judge(
  seen: Omit<SoakReport, 'passed' | 'failures' | 'duration_ms'>,
  told: readonly string[],
): string[] {
  const failures = told.slice(0, namedFailures);
  if (told.length > namedFailures) failures.push(`… and ${told.length - namedFailures} more`);
  if (seen.files_left > 0) failures.push(`${seen.files_left} files were left when everything was deleted`);
  if (seen.blobs_swept * 100 < seen.blobs_uploaded * leastSweptPercent) {
    failures.push(
      `nothing is proved: of ${seen.blobs_uploaded} blobs only ${seen.blobs_swept} were swept, less than ${leastSweptPercent} %; let it run longer`,
    );
  }
  if (seen.repushed_while_condemned === 0) {
    failures.push('nothing is proved: no digest was pushed while it was being removed; let it run longer');
  }
  return failures;
}
