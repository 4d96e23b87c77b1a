import { OciError } from '../../oci/errors.ts';
import { isRepository } from '../../oci/reference.ts';
import type { Scope } from './types.ts';

/** A token must fit into a request's headers, of which Node takes 16 KiB. */
const maxScopes = 32;
/** The class in `repository(plugin):…` is of no concern here. */
const grammar =
  /^([a-z0-9]{1,32})(?:\([a-z0-9]{1,32}\))?:([^:\s]{1,255}):((?:[a-z]{1,32}|\*)(?:,(?:[a-z]{1,32}|\*)){0,15})$/;

/**
 * Reads the `scope` parameters of a token request. Each may hold several scopes, separated by spaces; the actions
 * asked for one name are put together.
 * @throws OciError PARAMETER_INVALID
 */
export function parseScopes(texts: string[]): Scope[] {
  const merged = new Map<string, { type: string; name: string; actions: string[] }>();
  for (const text of texts.flatMap((entry) => entry.split(' ')).filter((entry) => entry !== '')) {
    const scope = parseScope(text);
    const key = `${scope.type}:${scope.name}`;
    const known = merged.get(key);
    if (known) known.actions = [...new Set([...known.actions, ...scope.actions])];
    else merged.set(key, scope);
    if (merged.size > maxScopes) throw invalid(`at most ${maxScopes} scopes in one request`, text);
  }
  return [...merged.values()];
}

export function formatScopes(scopes: readonly Scope[]): string {
  return scopes.map(({ type, name, actions }) => `${type}:${name}:${actions.join(',')}`).join(' ');
}

function parseScope(text: string) {
  const [, type = '', name = '', actions = ''] = grammar.exec(text) ?? [];
  if (type === '') {
    throw invalid(
      'malformed scope: want type:name:action[,action], as in repository:team/app:pull,push',
      text,
    );
  }
  if (type === 'repository' && !isRepository(name)) {
    throw invalid('malformed scope: not a repository name', text);
  }
  return { type, name, actions: [...new Set(actions.split(','))] };
}

function invalid(message: string, text: string): OciError {
  return new OciError('PARAMETER_INVALID', { message, detail: { scope: text.slice(0, 300) } });
}
