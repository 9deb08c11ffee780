import { OpenApiGeneratorV31 } from '@asteasolutions/zod-to-openapi';
import type { z } from 'zod';

// Schemas as the components of a document, under the same names in all of them.

/** `sessions.list` and `lock:acquire` as words of a name: `SessionsListAnswer`, `LockAcquireCall`. */
export function nameOf(id: string, suffix: string): string {
  const words = id.split(/[.:]/).map((word) => word.slice(0, 1).toUpperCase() + word.slice(1));
  return `${words.join('')}${suffix}`;
}

/** The schema as a component: one that has no name of its own gets this one. */
export function named(schema: z.ZodType, name: string): z.ZodType {
  return typeof schema.meta()?.id === 'string' ? schema : schema.meta({ id: name });
}

/** Collects schemas, and answers how each is referred to. */
export class Components {
  readonly #schemas = new Map<string, z.ZodType>();

  add(schema: z.ZodType, name: string): { readonly $ref: string } {
    const component = named(schema, name);
    const id = String(component.meta()?.id);
    this.#schemas.set(id, component);
    return { $ref: `#/components/schemas/${id}` };
  }

  /** All of them, with what they refer to. */
  schemas(): Readonly<Record<string, object>> {
    const definitions = [...this.#schemas.values()].map((schema) => ({ type: 'schema' as const, schema }));
    const { components = {} } = new OpenApiGeneratorV31(definitions).generateComponents();
    return components.schemas ?? {};
  }
}
