/** To whom a grant can be made. The name of `anonymous` and `authenticated` is ''. */
export interface Subject {
  kind: 'user' | 'team' | 'robot' | 'anonymous' | 'authenticated';
  /** As the account is named; a robot's begins with `robot+`. */
  name: string;
}

/** Subjects of grants that are no accounts. */
export const reservedNames: readonly string[] = ['anonymous', 'authenticated'];

/** A user never has a `+` in his name, so no robot can be mistaken for one, wherever a name is written. */
export const robotPrefix = 'robot+';
const teamPrefix = 'team:';

/** `alice`, `team:dev`, `robot+ci`, `anonymous`, `authenticated`. Whether there is such an account is not asked. */
export function readSubject(text: string): Subject {
  if (text === 'anonymous' || text === 'authenticated') return { kind: text, name: '' };
  if (text.startsWith(teamPrefix)) return { kind: 'team', name: text.slice(teamPrefix.length) };
  return { kind: text.startsWith(robotPrefix) ? 'robot' : 'user', name: text };
}

export function formatSubject({ kind, name }: Subject): string {
  if (name === '') return kind;
  return kind === 'team' ? teamPrefix + name : name;
}
