/** What a text must look like, in the words of JSON Schema, so that one declaration checks a value, is published, and is told to a person. */
export interface TextForm {
  /** The whole text matches it. */
  readonly pattern: string;
  /** What the pattern stands for, as the end of "must be ...", with an example. */
  readonly 'x-is': string;
  /** What a pattern cannot say: the whole sentence about a text that matches it and is wrong still. */
  readonly fault?: (text: string) => string | undefined;
}

/** Undefined for a text that is of the form. The sentence does not quote the text where the form alone says what is wrong. */
export const formProblem = (form: Partial<TextForm>, text: string): string | undefined => {
  if (form.pattern && !new RegExp(`^(?:${form.pattern})$`, 'u').test(text)) return `must be ${form['x-is']}`;
  return form.fault?.(text);
};
