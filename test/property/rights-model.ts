import type { Action } from '../../gateway/identity/index.ts';
import type { RepositoryRight } from '../../runtime/repository-rights.ts';

/** Rights as docs/auth.md tells of them, the slow and plain way. */
export class RightsModel {
  readonly users = new Map<string, { admin: boolean; enabled: boolean }>();
  readonly teams = new Map<string, Set<string>>();
  readonly robots = new Map<string, { enabled: boolean; limit: RepositoryRight[] | undefined }>();
  readonly grants: { subject: string; pattern: string; action: Action }[] = [];

  /** @param limit of the personal token that a user came with. */
  may(name: string, limit: RepositoryRight[] | undefined, repository: string, action: Action): boolean {
    const anybody = this.#isGranted(['anonymous'], repository, action);
    if (name === 'anonymous') return anybody;
    const robot = this.robots.get(name);
    const user = this.users.get(name);
    if (!(robot ?? user)?.enabled) return false;
    if (anybody) return true;
    const limits = robot ? robot.limit : limit;
    const within = limits === undefined || limits.some((right) => gives(right, repository, action));
    return (
      within &&
      (user?.admin ||
        this.#owns(name, repository, action) ||
        this.#isGranted(this.#subjects(name), repository, action))
    );
  }

  #owns(name: string, repository: string, action: Action): boolean {
    return this.users.has(name) && action !== 'admin' && repository.startsWith(`${name}/`);
  }

  #subjects(name: string): string[] {
    const teams = [...this.teams].filter(([, members]) => members.has(name)).map(([team]) => `team:${team}`);
    return [name, 'authenticated', ...teams];
  }

  #isGranted(subjects: string[], repository: string, action: Action): boolean {
    return this.grants.some(
      (grant) =>
        subjects.includes(grant.subject) &&
        gives({ pattern: grant.pattern, actions: [grant.action] }, repository, action),
    );
  }
}

function gives({ pattern, actions }: RepositoryRight, repository: string, action: Action): boolean {
  return (actions.includes(action) || actions.includes('admin')) && covers(pattern, repository);
}

/** By regular expression; no pattern of these tests has many stars. */
function covers(pattern: string, repository: string): boolean {
  const source = pattern
    .split('/')
    .map((part) => (part === '**' ? '.+' : part.replaceAll('.', '\\.').replaceAll('*', '[^/]*')))
    .join('/');
  return new RegExp(`^${source}$`).test(repository);
}
