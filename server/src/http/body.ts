import express, { type Request, type RequestHandler, type Response } from 'express';
import { HttpError } from './problem.js';

/** Reads the JSON body of a request. Rejects with `too_large`, or with status 415 or `invalid`. */
export type BodyReader = (req: Request, res: Response) => Promise<unknown>;

/** A reader of bodies of at most this many bytes. Where an application has read the body, that is what it gives. */
export function bodyReader(maxBytes: number): BodyReader {
  const read: RequestHandler = express.json({ limit: maxBytes, inflate: false });
  return async (req, res) => {
    if (req.is('application/json') === false) {
      throw new HttpError(415, 'invalid', 'Send the body as JSON, with "Content-Type: application/json".');
    }
    await new Promise<void>((resolve, reject) => {
      void read(req, res, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
    });
    return req.body as unknown;
  };
}
