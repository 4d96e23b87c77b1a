/** The lines of its log that a Gatehouse wrote so far, parsed. */
export function logLines(gatehouse: { stderr(): string }): Record<string, unknown>[] {
  return gatehouse
    .stderr()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line));
}
