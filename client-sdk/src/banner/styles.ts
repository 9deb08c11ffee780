/**
 * One sheet for all elements. Colours, type and shape are custom properties of the page, with these as defaults; what has
 * a `part` can be styled from outside. Sheets that are made by script pass every content security policy. It is written
 * without the spaces that every page would have to load.
 */
const CSS = `
:host{display:block;color-scheme:var(--lastcall-color-scheme,light dark)}
:host(lastcall-editing),:host(lastcall-status){display:inline-block}
:host([hidden]),[hidden],:is(.note,.clock,.body>p,.reason):empty,.body:not(:has(>:not([hidden],:empty))){display:none!important}
.root{
--page:var(--lastcall-background,light-dark(#fff,#1d222c));
--text:var(--lastcall-text,light-dark(#1a2030,#e8ebf2));
--soft:var(--lastcall-soft,light-dark(#545d72,#aab3c5));
--line:var(--lastcall-line,light-dark(#cfd5e1,#454e60));
--accent:var(--lastcall-accent,light-dark(#3457d5,#9bb1ff));
--on-accent:var(--lastcall-on-accent,light-dark(#fff,#10162b));
--good:var(--lastcall-good,light-dark(#14713f,#7fdca4));
--wait:var(--lastcall-wait,light-dark(#855200,#f4c673));
--bad:var(--lastcall-bad,light-dark(#b3261e,#ff9d94));
--radius:var(--lastcall-radius,.75rem);
color:var(--text);font:var(--lastcall-font,1rem/1.5 system-ui,sans-serif)}
*{box-sizing:border-box}
p,h2,blockquote{margin:0}
.voice{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.button,.input{min-height:2.75rem;padding:.375rem 1rem;border:1px solid var(--line);border-radius:var(--radius);background:var(--page);color:var(--text);font:inherit}
.button{font-weight:600;cursor:pointer}
.button:hover{text-decoration:underline}
.primary{border-color:var(--accent);background:var(--accent);color:var(--on-accent)}
.button:not([hidden])~.primary{border-color:var(--line);background:var(--page);color:var(--text)}
.aside{border-color:#0000;color:var(--soft)}
.button[aria-disabled=true]{border-color:var(--line);background:none;color:var(--soft);cursor:default;text-decoration:none}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.title:focus{outline:0}
.actions,.badge,.status,.card{display:flex;flex-wrap:wrap;gap:.625rem;align-items:center}
.clock{font-variant-numeric:tabular-nums}
.dialog,.card{border:1px solid var(--line);border-radius:var(--radius);background:var(--page);color:inherit}
.dialog{width:min(36rem,100vw - 2rem);padding:1.75rem;box-shadow:0 1.5rem 4rem #0005}
.dialog::backdrop{background:#0a0f1e8c}
.dialog>:not(.voice)~*{margin-top:1rem}
.title{font-size:1.375rem;font-weight:700}
.text,.reason,.giver{overflow-wrap:anywhere;white-space:pre-line;unicode-bidi:plaintext;text-align:match-parent}
.reason{padding-inline-start:1rem;border-inline-start:4px solid var(--accent)}
.body,.field{display:grid;gap:.625rem}
.body>.clock{font-size:3rem;justify-self:start}
.giver,.work,.when,.label,.lines>.text{color:var(--soft)}
.input{border-color:var(--soft)}
.screen{max-width:none;width:100vw;max-height:none;height:100dvh;border:0;border-radius:0;padding:2rem max(1.5rem,50vw - 16rem);place-content:center}
.screen[open]{display:grid}
.card{padding:1rem;border-inline-start:4px solid var(--accent);box-shadow:0 .25rem 1.25rem #0003}
.line,.note{font-weight:600}
.lines{flex:1 1 18rem}
.badge{min-height:2rem}
.card .clock{margin-inline-start:.5rem}
.badge .button{min-height:2rem;padding:.125rem .75rem}
.badge-text::before,.dot{content:'';display:inline-block;width:.625rem;height:.625rem;border-radius:50%;background:var(--state,var(--soft))}
.badge-text::before{margin-inline-end:.625rem}
[data-phase=held],[data-status=online]{--state:var(--good)}
[data-phase=waiting],[data-phase=asked],[data-status$=connecting]{--state:var(--wait)}
[data-phase=at-risk],[data-phase=lost],[data-status=closed],[data-status=ended]{--state:var(--bad)}
[data-phase=taken] .badge-text::before{display:none}
.avatar{display:grid;place-content:center;width:2rem;height:2rem;border-radius:50%;background:var(--accent);color:var(--on-accent);font-size:.75rem;font-weight:700}
:host(lastcall-screen){position:fixed;z-index:9999;inset:auto 0 0;padding:1rem;pointer-events:none}
:host([top]){inset:0 0 auto}
slot{display:grid;gap:.625rem;width:min(44rem,100%);margin:auto}
::slotted(*){pointer-events:auto}
@media(prefers-reduced-motion:no-preference){
.dialog[open],.card{animation:come .2s}
[data-status$=connecting] .dot{animation:wait 1s infinite alternate}
@keyframes come{from{opacity:0;translate:0 .5rem}}
@keyframes wait{to{opacity:.3}}
}`;

let made: CSSStyleSheet | undefined;

export function sheet(): CSSStyleSheet {
  if (!made) {
    made = new CSSStyleSheet();
    made.replaceSync(CSS);
  }
  return made;
}
