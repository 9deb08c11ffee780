/** How long the browser has to take a file before its address is given back, in milliseconds. */
const TAKEN_MS = 60_000;

/** Offers a file to be saved. */
export function download(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), TAKEN_MS);
}

/** A cell that spreadsheets take for text: what begins like a formula gets an apostrophe (OWASP, CSV injection). */
function cell(value: string | number | undefined): string {
  const text = String(value ?? '');
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Rows as a file of comma-separated values (RFC 4180), marked as UTF-8 for spreadsheets. */
export function csvOf(rows: readonly (readonly (string | number | undefined)[])[]): Blob {
  const lines = rows.map((row) => `${row.map(cell).join(',')}\r\n`);
  return new Blob(['\ufeff', ...lines], { type: 'text/csv;charset=utf-8' });
}
