/** How many letters have to be put in, left out or changed to get from one word to the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The known name that a mistyped one is most like; only its first 64 characters are compared. */
export function nearest(mistyped: string, known: readonly [string, ...string[]]): string {
  const word = mistyped.slice(0, 64);
  return known.reduce((best, name) => (distance(word, name) < distance(word, best) ? name : best));
}
