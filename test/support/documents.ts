import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The documents of the project: Markdown in these folders. */
const FOLDERS = ['.', 'docs', 'bench'];

export function documents(): string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  );
}

/** `text` without its fenced code. */
export function withoutFences(text: string): string {
  return text.replace(/^( *)```[\s\S]*?^\1```$/gm, '');
}
