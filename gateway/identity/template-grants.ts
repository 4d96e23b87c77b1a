import { isPattern } from '../../oci/repository-pattern.ts';
import type { Config } from '../../runtime/config-schema.ts';
import type { RepositoryRight } from '../../runtime/repository-rights.ts';
import type { Grant } from './decide.ts';
import { formatSubject, type Subject } from './subjects.ts';

const ownNamespace: RepositoryRight = { pattern: '{user}/**', actions: ['pull', 'push', 'delete'] };

export function templatesOf(config: Config): readonly RepositoryRight[] {
  const templates = config['auth.template_grants'];
  return config['auth.own_namespace'] === 'on' ? [ownNamespace, ...templates] : templates;
}

/**
 * What the templates give a user or a team by its name. A name is put in only where it is one of ours, in which no
 * character means anything to a pattern; names from elsewhere (an htpasswd file) get nothing.
 */
export function templateGrants(templates: readonly RepositoryRight[], subject: Subject): Grant[] {
  const placeholder = `{${subject.kind}}`;
  const isPlain = /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(subject.name);
  return templates
    .filter(({ pattern }) => isPlain && pattern.includes(placeholder))
    .map(({ pattern: template, actions }) => ({
      subject: formatSubject(subject),
      pattern: template.replaceAll(placeholder, subject.name),
      actions,
      template,
    }))
    .filter(({ pattern }) => isPattern(pattern));
}
