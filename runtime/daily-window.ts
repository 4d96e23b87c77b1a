/** A part of each day, in minutes since midnight, the end not in it. One that ends before it starts goes over midnight. */
export interface DailyWindow {
  startMinute: number;
  endMinute: number;
}

/** `01:00-05:00`; nothing is null. @returns undefined for what is neither. */
export function parseWindow(text: string): DailyWindow | null | undefined {
  if (text === '') return null;
  const [, startHour, start, endHour, end] =
    /^([01]\d|2[0-3]):([0-5]\d) ?- ?([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  if (end === undefined) return undefined;
  const startMinute = Number(startHour) * 60 + Number(start);
  const endMinute = Number(endHour) * 60 + Number(end);
  return startMinute === endMinute ? undefined : Object.freeze({ startMinute, endMinute });
}

export function formatWindow(window: DailyWindow | null): string {
  return window ? `${timeText(window.startMinute)}-${timeText(window.endMinute)}` : '';
}

function timeText(minute: number): string {
  const two = (count: number) => String(count).padStart(2, '0');
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

export function isWithin({ startMinute, endMinute }: DailyWindow, minute: number): boolean {
  return startMinute < endMinute
    ? minute >= startMinute && minute < endMinute
    : minute >= startMinute || minute < endMinute;
}
