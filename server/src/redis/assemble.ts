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

/** Names in capitals for which nothing is called: the same in every run, and nobody changes them. */
const CONSTANT = /^local [A-Z][A-Z_]{2,}(?:, [A-Z_]{3,})* = [^(]*$/;

/** A declaration with its lines, for names that others use too (`isShared`: declared in the head) or its own library only. */
function declare({ names, lines }: Block, isShared: boolean): readonly string[] {
  const [first = '', ...rest] = lines;
  const isFunction = first.startsWith('local function');
  const end = first.endsWith('{') ? rest.indexOf('}') + 1 : 0;
  const statement = lines.slice(0, end + 1);
  if (names.length === 0 || isFunction || CONSTANT.test(statement.join(' '))) {
    return isShared ? [first.slice('local '.length), ...rest] : lines;
  }
  const values = statement.with(
    0,
    first.includes('=') ? first.slice('local '.length) : `${names.join(', ')} = nil`,
  );
  if (values.at(-1)?.includes('--'))
    throw new Error(`a comment behind ${names.join(', ')} would hide what follows`);
  const begun = values.with(
    0,
    `${isShared ? '' : `local ${names.join(', ')} `}begins[#begins + 1] = function() ${values[0]}`,
  );
  return [...begun.with(end, `${begun[end]} end`), ...lines.slice(end + 1)];
}

/**
 * Puts libraries and a verb together, so that names which only their own library uses end with it – Lua allows 200 local
 * variables at a time – and what nobody uses here is left out. Functions and constants are made once, when Redis is given
 * the text; any other value is made anew at the start of each run, by `begins`. Line for line it stays what stands in the
 * files; `head` declares what is shared.
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
      .map((block) => {
        const { names, lines } = block;
        const isUsed = whole || names.length === 0 || names.some((one) => used.has(one));
        if (!isUsed) return lines.map(() => '');
        for (const word of wordsOf(lines.join('\n'))) used.add(word);
        const isShared = names.some((one) => later.has(one));
        if (isShared) for (const one of names) share(shared, one, name);
        return declare(block, isShared);
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
