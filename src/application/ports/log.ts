/** Where adapters say what people who run the messenger should know. Never content, keys or secrets. */
export interface Log {
  info(fields: object, sentence: string): void;
  warn(fields: object, sentence: string): void;
  error(fields: object, sentence: string): void;
}
