import type { buildAsyncApi } from '../asyncapi.js';
import { anchorOf, type Html, html, prose } from './html.js';
import { openOf, type Schema, type Schemas, typeOf } from './schemas.js';

// The events over WebSocket, from the AsyncAPI document.

type Document = ReturnType<typeof buildAsyncApi>;
type Operation = Document['operations'][string];
type Message = Document['channels']['client']['messages'][string];
type ChannelId = keyof Document['channels'];

function messageAt({ channels }: Document, id: ChannelId, { $ref }: { readonly $ref: string }) {
  return channels[id].messages[$ref.slice($ref.lastIndexOf('/') + 1)];
}

function example({ examples = [] }: Message): readonly Html[] {
  return examples.map(({ payload }) => html`<pre><code>${JSON.stringify(payload, null, 2)}</code></pre>`);
}

function eventOf(document: Document, id: ChannelId, operation: Operation): readonly Html[] {
  const { action, summary, messages, reply } = operation;
  const schemas = document.components.schemas as Schemas;
  const answers = (reply?.messages ?? []).map((ref) => messageAt(document, id, ref));
  return messages
    .map((ref) => messageAt(document, id, ref))
    .filter((message) => message !== undefined)
    .map((message) => {
      const told = answers
        .filter((answer) => answer !== undefined)
        .map(({ name, payload }) => html`<li><code>${name}</code> ${typeOf(payload as Schema)}</li>`);
      const answered =
        told.length === 0 ? undefined : html`<h4>Answered with</h4><ul class="fields">${told}</ul>`;
      return html`<section id="${anchorOf(id, message.name)}">
<h3><code>${message.name}</code> <small>${action === 'receive' ? 'client → broker' : 'broker → client'}</small></h3>
<p>${prose(summary)}</p><h4>Payload</h4>${openOf(message.payload, schemas)}${answered}${example(message)}
</section>`;
    });
}

/** Every event of both channels. */
export function eventSection(document: Document): readonly Html[] {
  const channels = (Object.keys(document.channels) as ChannelId[]).map((id) => {
    const { title, address } = document.channels[id];
    const events = Object.entries(document.operations)
      .filter(([key]) => key.startsWith(`${id}.`))
      .flatMap(([, operation]) => eventOf(document, id, operation));
    return html`<section id="${anchorOf('channel', id)}"><h2>${title} <code>${address}</code></h2>${events}</section>`;
  });
  return [html`<h2 id="events">Events</h2><p>${prose(document.info.description)}</p>`, ...channels];
}
