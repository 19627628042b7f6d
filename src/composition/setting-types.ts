import { z } from 'zod';

/** One of `names`. */
export function oneOf<const Name extends string>(names: readonly Name[]) {
  return z.enum(names, { error: `must be one of ${names.join(', ')}` });
}

/** A whole number, as text, from `min` to `max`. */
export function wholeNumber(min: number, max: number) {
  return z
    .string()
    .refine((text) => /^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max, {
      error: `must be a whole number from ${min} to ${max}`,
    })
    .transform(Number);
}

/** A list of items, separated by commas. */
export function listOf<Item>(item: z.ZodType<Item, string>) {
  return z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.array(item));
}

/** The text of the file at a path; it must match `pattern`. `what` describes the file in the error. */
export function fileText(readText: (path: string) => string, pattern: RegExp, what: string) {
  return z.string().transform((path, context) => {
    try {
      const text = readText(path);
      if (pattern.test(text)) return text;
      context.addIssue(`must be the path of ${what}`);
    } catch {
      context.addIssue('must be the path of a file that can be read');
    }
    return z.NEVER;
  });
}

/** A secret: the text of the file at a path, without the newline at its end. */
export function secretFile(readText: (path: string) => string) {
  return (
    fileText(readText, /[^\r\n]/, 'a file that is not empty')
      // Bytes that are not UTF-8 are read as U+FFFD, so the secret would differ from that in the file.
      .refine((text) => !/^\uFEFF|\uFFFD/.test(text), {
        error: 'must be the path of a file in UTF-8 without a byte order mark',
      })
      .transform((text) => text.replace(/\r?\n$/, ''))
  );
}
