/** A library of scripts, and the names that it declares for itself and for what comes after it. */
interface Library {
  readonly name: string;
  readonly text: string;
}

const DECLARATION = /^local (?:function (\w+)|(\w+(?:, \w+)*)(?: =|$))/;
const withoutComments = (text: string): string => text.replace(/--.*$/gm, '');

/** The names that a line declares for the whole of its library. */
function declaredIn(line: string): readonly string[] {
  const [, verb, values] = DECLARATION.exec(line) ?? [];
  return verb === undefined ? (values?.split(', ') ?? []) : [verb];
}

/**
 * Puts libraries and a verb together so that names which only their own library uses end with it: Lua allows 200 local
 * variables at a time. Line for line it stays what stands in the files; `head` declares what is shared.
 */
export function joinScript(libraries: readonly Library[], body: string): { head: string; parts: string[] } {
  const shared = new Map<string, string>();
  const parts = libraries.map(({ name, text }, at) => {
    const words = wordsOf([...libraries.slice(at + 1).map((later) => later.text), body]);
    const lines = text.trimEnd().split('\n');
    const kept = lines.map((line) => {
      const names = declaredIn(line);
      if (!names.some((one) => words.has(one))) return line;
      for (const one of names) {
        const other = shared.get(one);
        if (other !== undefined) throw new Error(`${other} and ${name} both declare ${one}`);
        shared.set(one, name);
      }
      return line.includes('=') || line.startsWith('local function') ? line.slice('local '.length) : '';
    });
    return `do ${kept.join('\n')} end\n`;
  });
  return { head: shared.size === 0 ? '' : ` local ${[...shared.keys()].join(', ')}`, parts };
}

function wordsOf(texts: readonly string[]): ReadonlySet<string> {
  return new Set(texts.flatMap((text) => withoutComments(text).match(/\b[A-Za-z_]\w*\b/g) ?? []));
}
