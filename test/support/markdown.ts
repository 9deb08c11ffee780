import { posix } from 'node:path';
import { read, type Source } from './sources.js';

/** A document without its code, where nothing is a link. */
function prose(text: string): string {
  return text.replace(/^```[^]*?^```$/gm, '').replace(/`[^`\n]*`/g, '`code`');
}

/** The commands and programs of a document. */
export function codeOf(text: string): string {
  const blocks = [...text.matchAll(/^```\w*\n(?<code>[^]*?)^```$/gm)].map(
    ({ groups = {} }) => groups['code'] ?? '',
  );
  const spans = [...text.matchAll(/`(?<code>[^`\n]+)`/g)].map(({ groups = {} }) => groups['code'] ?? '');
  return [...blocks, ...spans].join('\n');
}

/** Where the headings of a document can be linked to, as the usual renderers name them. */
export function anchorsOf(text: string): string[] {
  const withoutBlocks = text.replace(/^```[^]*?^```$/gm, '');
  return [...withoutBlocks.matchAll(/^#+ (?<heading>.+)$/gm)].map(({ groups = {} }) =>
    (groups['heading'] ?? '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Links of documents to files and headings that are not there. */
export function brokenLinks(documents: readonly Source[], exists: (path: string) => boolean): string[] {
  return documents.flatMap((document) =>
    [...prose(document.text).matchAll(/\]\((?<target>[^)\s]+)\)/g)].flatMap(({ groups = {} }) => {
      const target = groups['target'] ?? '';
      return /^[a-z]+:/.test(target) || isThere(document, target, exists)
        ? []
        : [`${document.path}: ${target}`];
    }),
  );
}

function isThere({ path, text }: Source, target: string, exists: (path: string) => boolean): boolean {
  const [file = '', anchor] = target.split('#');
  const to = file === '' ? path : posix.join(posix.dirname(path), file);
  if (!exists(to)) return false;
  return anchor === undefined || anchorsOf(to === path ? text : read(to)).includes(anchor);
}

/** The text between a heading and the next one of its depth or above. */
export function sectionOf(text: string, heading: string): string {
  const depth = /^#+/.exec(heading)?.[0].length ?? 1;
  const begin = text.indexOf(`\n${heading}`);
  if (begin < 0) throw new Error(`there is no "${heading}"`);
  const rest = text.slice(begin + 1 + heading.length);
  const end = rest.search(new RegExp(`^#{1,${depth}} `, 'm'));
  return end < 0 ? rest : rest.slice(0, end);
}

const isRule = (line: string | undefined): boolean => line !== undefined && /^\|[\s|:-]+\|$/.test(line);

/** Rows of the tables in a text, cell by cell, without heads. */
export function rowsOf(text: string): string[][] {
  const lines = text.split('\n').filter((line) => line.startsWith('|'));
  return lines
    .filter((line, index) => !isRule(line) && !isRule(lines[index + 1]))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** What stands in backquotes, in order. */
export function quotedIn(text: string): string[] {
  const withoutBlocks = text.replace(/^```[^]*?^```$/gm, '');
  return [...withoutBlocks.matchAll(/`(?<code>[^`]+)`/g)].map(({ groups = {} }) => groups['code'] ?? '');
}
