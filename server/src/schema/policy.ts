import {
  POLICY_RANGES,
  POLICY_RULES,
  type Policy,
  type PolicySettings,
  PUBLIC_POLICY_KEYS,
  type PublicPolicy,
  type Range,
} from '@lastcall/shared';
import { z } from 'zod';
import { contract } from './contract.js';
import { whole } from './values.js';

type Shape = { readonly [K in keyof PolicySettings]: z.ZodType<PolicySettings[K]> };

function schemaOf(allowed: Range | readonly (string | number)[]): z.ZodType {
  if (!('min' in allowed)) return z.enum(allowed.map(String));
  const range = whole(allowed.min, allowed.max);
  if (allowed.orZero !== true) return range;
  return z.union([z.literal(0), range], { error: `must be 0, or ${allowed.min} to ${allowed.max}` });
}

const shape = Object.fromEntries(
  Object.entries(POLICY_RANGES).map(([name, allowed]) => [name, schemaOf(allowed)]),
) as Shape;

/** The whole of a tenant's settings, as `PUT` takes them; those that contradict each other are refused. */
export const policySettingsSchema = contract<PolicySettings>()(
  z.strictObject(shape).superRefine((settings, context) => {
    for (const { path, holds, message } of POLICY_RULES) {
      if (!holds(settings)) context.addIssue({ code: 'custom', path: [path], message });
    }
  }),
).meta({ id: 'PolicySettings' });

export const policySchema = contract<Policy>()(z.object({ version: whole(0), ...shape })).meta({
  id: 'Policy',
});

const publicShape = Object.fromEntries(PUBLIC_POLICY_KEYS.map((name) => [name, shape[name]])) as Pick<
  Shape,
  (typeof PUBLIC_POLICY_KEYS)[number]
>;

/** What every client may know of the settings. */
export const publicPolicySchema = contract<PublicPolicy>()(
  z.object({ version: whole(0), ...publicShape }),
).meta({ id: 'PublicPolicy' });
