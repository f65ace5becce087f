/** `trackway.personalize({ token })`: what Trackway knows of the signed-in person, and a suggestion to them. */

import { ask } from "./person";
import { reporting } from "./suggestion";
import type { Inside, Person, PersonalizeOptions } from "./types";

export default async function personalize(tw: Inside, options: PersonalizeOptions): Promise<Person | null> {
  const { token, include, language, host = tw.options.host || "" } = options || {};
  if (!token) throw new TypeError("personalize needs a token, or a function that returns one");
  const person = await ask(host, token, include, language);
  if (person?.suggestion) person.suggestion = reporting(person.suggestion, tw.track);
  return person;
}
