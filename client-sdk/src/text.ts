const NOT_IN_A_LINE = /[\p{Cc}\p{Cs}\u2028\u2029]/gu;

/** A text as the broker accepts it: one line, no control characters, cut to so many characters. */
export function oneLine(text: string, maxLength: number): string {
  return text.slice(0, maxLength).replace(NOT_IN_A_LINE, ' ');
}
