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
  if (!Number.isFinite(median)) return '–';
  return min === max ? figure(median) : `${figure(median)} (${figure(min)}–${figure(max)})`;
}

export function asRatio(spread: Spread): string {
  const text = [spread.median, spread.min, spread.max].map((value) => value.toFixed(2));
  if (text.some((part) => part === 'NaN')) return '–';
  return text[1] === text[2] ? `${text[0]} ×` : `${text[0]} × (${text[1]}–${text[2]})`;
}

function rowText(fields: readonly string[]): string {
  return `| ${fields.join(' | ')} |`;
}

export function tableText({ title, columns, rows, notes = [] }: Table): string {
  const rule = columns.map((_, i) => (i === 0 ? '---' : '---:'));
  const lines = [`### ${title}`, '', rowText(columns), rowText(rule), ...rows.map(rowText), ''];
  for (const note of notes) lines.push(note, '');
  return lines.join('\n');
}

function percent(share: number): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(1)} %` : 'not known';
}

/** The whole run as Markdown. */
export function reportText(report: Report): string {
  const { machine, form, startedAt, processors, serverFlags, suites } = report;
  const packages = Object.entries(machine.packages).map(([name, version]) => `${name} ${version}`);
  const lines = [
    `Measured ${startedAt}, ${form} form. ${machine.processors}, ${machine.memoryGb} GB, ${machine.system}, ` +
      `Node ${machine.node}, redis-server ${machine.redis} without persistence, ${packages.join(', ')}. ` +
      `Load average at the start ${machine.load.join(' / ')}; processors idle ${percent(processors.idle)}, ` +
      `stolen by the hypervisor ${percent(processors.stolen)}. ` +
      `Options of Node in the servers: ${serverFlags.join(' ') || 'none'}.`,
    '',
  ];
  for (const { name, about, tables } of suites) {
    lines.push(`## ${name}: ${about}`, '', ...tables.map(tableText));
  }
  return lines.join('\n');
}

/** Writes a run as JSON and as Markdown, and its plots; answers the path of the JSON. */
export function keep(report: Report): string {
  mkdirSync(RESULTS, { recursive: true });
  const path = join(RESULTS, `${report.startedAt.replaceAll(/[:.]/g, '-')}-${report.form}`);
  writeFileSync(`${path}.json`, `${JSON.stringify(report, null, 1)}\n`);
  writeFileSync(`${path}.md`, reportText(report));
  for (const { name, svg } of report.suites.flatMap(({ plots = [] }) => plots)) {
    writeFileSync(`${path}-${name}.svg`, svg);
  }
  return `${path}.json`;
}
