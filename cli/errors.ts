/** A command line that makes no sense: exit code 2, and where to read more. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** Something that a person has to see to; the message is all there is to say. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}

// Errors of other rooms whose message is written for the operator.
const spokenNames = new Set([
  'AdminError',
  'CertificateError',
  'CollectionRunning',
  'DataDirectoryError',
  'StartError',
  'VerifyRefused',
  'UndoRefused',
]);

/** @returns the exit code and the text for standard error. Only what nobody expected comes with its stack. */
export function describeError(error: unknown, command: string | undefined): { code: number; text: string } {
  if (!(error instanceof Error)) return { code: 1, text: String(error) };
  if (error.name === 'ConfigError') return { code: 2, text: error.message };
  if (error instanceof UsageError) {
    const help = command === undefined ? 'gatehouse --help' : `gatehouse ${command} --help`;
    return { code: 2, text: `${error.message}\nSee: ${help}` };
  }
  if (error instanceof CommandError) return { code: error.exitCode, text: error.message };
  if (error.name === 'StartError' && (error as { faults?: unknown }).faults)
    return { code: 2, text: error.message };
  const isPlain = spokenNames.has(error.name) || 'syscall' in error;
  return { code: 1, text: isPlain ? error.message : (error.stack ?? error.message) };
}
