import { z } from 'zod';

/** One of `names`. */
export function oneOf<const Name extends string>(names: readonly Name[]) {
  return z.enum(names, { error: `must be one of ${names.join(', ')}` });
}

/** A whole number, as text, from `least` to `most`. */
export function wholeNumber(least: number, most: number) {
  return z
    .string()
    .refine((text) => /^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most, {
      error: `must be a whole number from ${least} to ${most}`,
    })
    .transform(Number);
}

/** Each of a list, separated by commas. */
export function listOf<Item>(item: z.ZodType<Item, string>) {
  return z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.array(item));
}

/** The text of the file at a path, which matches `pattern`; `what` names such a file in the error. */
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
      // Bytes that are no UTF-8 are read as U+FFFD: another secret than the one in the file.
      .refine((text) => !/^\uFEFF|\uFFFD/.test(text), {
        error: 'must be the path of a file in UTF-8 without a byte order mark',
      })
      .transform((text) => text.replace(/\r?\n$/, ''))
  );
}
