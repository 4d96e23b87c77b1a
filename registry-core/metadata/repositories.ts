import { review } from './review.ts';
import type { Statements } from './statements.ts';

export function repositoryId(statements: Statements, name: string): number | undefined {
  return statements.get<{ id: number }>('SELECT id FROM repositories WHERE name = ?', name)?.id;
}

export function repositoryName(statements: Statements, id: number): string {
  return statements.get<{ name: string }>('SELECT name FROM repositories WHERE id = ?', id)!.name;
}

/** The repository's id; it comes to be with its first content and goes with its last. */
export function ensureRepository(statements: Statements, name: string, now: number): number {
  const known = repositoryId(statements, name);
  if (known !== undefined) return known;
  const { id } = statements.get<{ id: number }>(
    'INSERT INTO repositories (name, created_at) VALUES (?, ?) RETURNING id',
    name,
    now,
  )!;
  review(statements, 'repository', id, '', now);
  return id;
}
