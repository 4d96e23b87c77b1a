/** Of all `Warning` headers of an answer together, in bytes (distribution-spec "Warnings"). */
const maxWarningBytes = 4096;

/** `299 - "text"`: RFC 7234 section 5.5, with the code, agent and missing date that the specification asks for. */
export function formatWarning(text: string): string {
  const printable = text.replace(/[^\u0020-\u007e]/g, '?');
  return `299 - "${printable.replace(/["\\]/g, '\\$&')}"`;
}

/** The values of `Warning` headers, in order, each once, without those that would go beyond the limit. */
export function limitWarnings(values: readonly string[]): string[] {
  let bytes = 0;
  return [...new Set(values)].filter((value) => {
    const fits = bytes + value.length <= maxWarningBytes;
    if (fits) bytes += value.length;
    return fits;
  });
}
