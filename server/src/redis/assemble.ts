/** A library of scripts: a file whose names begin at the first column. */
interface Library {
  readonly name: string;
  readonly text: string;
}

/** A declaration of a library with its lines; comments before it belong to the one before, which does no harm. */
interface Block {
  readonly names: readonly string[];
  readonly lines: readonly string[];
}

const DECLARATION = /^local (?:function (\w+)|(\w+(?:, \w+)*)(?: =|$))/;

/** The names that a line declares for the whole of its library. */
function declaredIn(line: string): readonly string[] {
  const [, verb, values] = DECLARATION.exec(line) ?? [];
  return verb === undefined ? (values?.split(', ') ?? []) : [verb];
}

function wordsOf(text: string): readonly string[] {
  return text.replace(/--.*$/gm, '').match(/\b[A-Za-z_]\w*\b/g) ?? [];
}

function blocksOf(text: string): Block[] {
  const blocks: { names: readonly string[]; lines: string[] }[] = [{ names: [], lines: [] }];
  for (const line of text.trimEnd().split('\n')) {
    const names = declaredIn(line);
    if (names.length > 0) blocks.push({ names, lines: [line] });
    else blocks.at(-1)?.lines.push(line);
  }
  return blocks;
}

/**
 * Puts libraries and a verb together, so that names which only their own library uses end with it – Lua allows 200 local
 * variables at a time – and what nobody uses here is left out, since each function costs time in every run. Line for line
 * it stays what stands in the files; `head` declares what is shared.
 * @param whole nothing is left out, so that it can be seen what no script uses
 */
export function joinScript(
  libraries: readonly Library[],
  body: string,
  whole: boolean,
): { head: string; parts: string[] } {
  const shared = new Map<string, string>();
  const used = new Set(wordsOf(body));
  const parts = libraries.toReversed().map(({ name, text }) => {
    const later = new Set(used);
    const kept = blocksOf(text)
      .toReversed()
      .map(({ names, lines }) => {
        const isUsed = whole || names.length === 0 || names.some((one) => used.has(one));
        if (!isUsed) return lines.map(() => '');
        for (const word of wordsOf(lines.join('\n'))) used.add(word);
        if (!names.some((one) => later.has(one))) return lines;
        for (const one of names) share(shared, one, name);
        const [first = '', ...rest] = lines;
        const isPlain = !first.includes('=') && !first.startsWith('local function');
        return [isPlain ? '' : first.slice('local '.length), ...rest];
      });
    return `do ${kept.toReversed().flat().join('\n')} end\n`;
  });
  const head = shared.size === 0 ? '' : ` local ${[...shared.keys()].join(', ')}`;
  return { head, parts: parts.toReversed() };
}

function share(shared: Map<string, string>, name: string, library: string): void {
  const other = shared.get(name);
  if (other !== undefined) throw new Error(`${library} and ${other} both declare ${name}`);
  shared.set(name, library);
}
