/** Milliseconds since 1970 as every report writes them: `2026-01-31T03:00:00.000Z`. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
