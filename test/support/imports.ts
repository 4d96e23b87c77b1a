export interface Import {
  /** undefined when it is computed. */
  specifier: string | undefined;
  /** Erased with the types; `import { type X }` is not, it still loads the module. */
  isType: boolean;
}

const statements = /(?:^|;)[ \t]*(?:import|export)\b([^'"`;]*?)\bfrom\s*(['"])([^'"]+)\2/gm;
const sideEffects = /(?:^|;)[ \t]*import\s*(['"])([^'"]+)\1/gm;
/** `import(…)`, types by `import('…').X` among them; no literal before the closing bracket: computed. */
const dynamic = /\bimport\s*\(\s*(?:(['"`])([^'"`$]+)\1\s*[,)])?/g;
const byName = /(?:\brequire(?:\.resolve)?|\bimport\.meta\.resolve)\s*\(\s*(['"`])([^'"`$]+)/g;
/** Modules of workers and processes. */
const byUrl = /\bnew URL\(\s*(['"`])(\.{1,2}\/[^'"`$]*)/g;

/**
 * Every module that a source file names, however it does. Reads text, not syntax: rather too much than too little.
 */
export function importsOf(source: string): Import[] {
  const code = source.replace(/^\s*(?:\/\/|\/?\*).*$/gm, '');
  const found = [...code.matchAll(statements)].map(([, clause, , specifier]) => ({
    specifier,
    isType: /^\s*type\b(?!\s+from)/.test(clause!),
  }));
  const others = [sideEffects, dynamic, byName, byUrl].flatMap((expression) =>
    [...code.matchAll(expression)].map(([, , specifier]) => ({ specifier, isType: false })),
  );
  return [...found, ...others];
}
