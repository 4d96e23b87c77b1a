import type { Statements } from './statements.ts';

/** When the earliest entry of the review list is due; undefined when it is empty. */
export function nextDue(statements: Statements): number | undefined {
  return statements.get<{ nextDue: number | null }>(nextDueSql)!.nextDue ?? undefined;
}

/** One seek of the index a kind. */
const nextDueSql = `SELECT min(due) AS nextDue FROM (${['manifest', 'link', 'blob', 'repository']
  .map((kind) => `SELECT min(due_at) AS due FROM review WHERE kind = '${kind}'`)
  .join(' UNION ALL ')})`;
