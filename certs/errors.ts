/** What can be wrong with certificates; scripts and tests rely on these words, never on the text. */
export type CertificateErrorCode =
  | 'CA_MISSING'
  | 'CA_UNREADABLE'
  | 'CA_NOT_VALID_NOW'
  | 'CA_KEY_MISSING'
  | 'CA_KEY_UNUSABLE'
  | 'CA_KEY_PRESENT'
  | 'NAME_NOT_PERMITTED'
  | 'CERTIFICATE_UNREADABLE'
  | 'CERTIFICATE_NOT_VALID_NOW'
  | 'CERTIFICATE_UNUSABLE'
  | 'CRL_UNREADABLE'
  | 'KEY_UNREADABLE'
  | 'KEY_ENCRYPTED'
  | 'KEY_EXISTS'
  | 'KEY_MISMATCH'
  | 'NAME_INVALID';

/**
 * A fault in a certificate or key that a person has to mend.
 * `message` is `problem` and `remedy` in one, fit to be printed alone; it never holds key material.
 */
export class CertificateError extends Error {
  readonly code: CertificateErrorCode;
  readonly problem: string;
  readonly remedy: string;

  constructor(code: CertificateErrorCode, problem: string, remedy: string, cause?: unknown) {
    super(`${problem}. ${remedy}.`, cause === undefined ? undefined : { cause });
    this.name = 'CertificateError';
    this.code = code;
    this.problem = problem;
    this.remedy = remedy;
  }
}

/** The system's word for a failed file operation, such as `ENOENT`; undefined for any other error. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
