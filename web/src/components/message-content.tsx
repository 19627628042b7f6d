import { textParts } from '../text-parts.ts';

/** The text of a message, with its web addresses as links. Markup in it is text. */
export function MessageContent({ text }: { text: string }) {
  return (
    <>
      {textParts(text).map((part, index) =>
        part.isLink ? (
          <a key={index} href={part.text} target="_blank" rel="noopener noreferrer">
            {part.text}
          </a>
        ) : (
          part.text
        ),
      )}
    </>
  );
}
