import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Spread } from './stats.js';
import type { Report, Table } from './suite.js';

const RESULTS = fileURLToPath(new URL('../../results/', import.meta.url));

/** A number with three digits that count, or all that stand before the point. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const magnitude = Math.abs(value);
  const decimals = magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : 3;
  return value.toFixed(decimals).replace(/\B(?=(?:\d{3})+(?!\d))(?<!\.\d*)/g, ' ');
}

/** The median, and the smallest and largest beside it. */
export function withSpread({ median, min, max }: Spread): string {
  return min === max ? figure(median) : `${figure(median)} (${figure(min)}–${figure(max)})`;
}

export function asRatio(spread: Spread): string {
  const text = [spread.median, spread.min, spread.max].map((value) => value.toFixed(2));
  if (text.some((part) => part === 'NaN')) return '–';
  return text[1] === text[2] ? `${text[0]} ×` : `${text[0]} × (${text[1]}–${text[2]})`;
}

export function tableText({ title, columns, rows, notes = [] }: Table): string {
  const line = (fields: readonly string[]): string => `| ${fields.join(' | ')} |`;
  const rule = columns.map((_, i) => (i === 0 ? '---' : '---:'));
  return [`### ${title}`, '', line(columns), line(rule), ...rows.map(line), '', ...notes.flatMap((n) => [n, ''])].join(
    '\n',
  );
}

/** The whole run as Markdown. */
export function reportText(report: Report): string {
  const { machine, form, startedAt, processors, serverFlags, suites } = report;
  const percent = (share: number): string => (Number.isFinite(share) ? `${(share * 100).toFixed(1)} %` : 'not known');
  const packages = Object.entries(machine.packages).map(([name, version]) => `${name} ${version}`);
  return [
    `Measured ${startedAt}, ${form} form. ${machine.processors}, ${machine.memoryGb} GB, ${machine.system}, ` +
      `Node ${machine.node}, redis-server ${machine.redis} without persistence, ${packages.join(', ')}. ` +
      `Load average at the start ${machine.load.join(' / ')}; processors idle ${percent(processors.idle)}, ` +
      `stolen by the hypervisor ${percent(processors.stolen)}. ` +
      `Options of Node in the servers: ${serverFlags.join(' ') || 'none'}.`,
    '',
    ...suites.flatMap(({ name, about, tables }) => [`## ${name}: ${about}`, '', ...tables.map(tableText)]),
  ].join('\n');
}

/** Writes a run as JSON and as Markdown; answers the path of the JSON. */
export function keep(report: Report): string {
  mkdirSync(RESULTS, { recursive: true });
  const path = join(RESULTS, `${report.startedAt.replaceAll(/[:.]/g, '-')}-${report.form}`);
  writeFileSync(`${path}.json`, `${JSON.stringify(report, null, 1)}\n`);
  writeFileSync(`${path}.md`, reportText(report));
  return `${path}.json`;
}
