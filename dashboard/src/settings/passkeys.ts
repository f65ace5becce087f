/** Passkeys as the browser has them and as the server takes them. */
import { api, type Me } from "../client/api";

interface Begun<Options> {
  word: string;
  options: Options;
}

/** Asks this device for a new passkey, and has the server keep it. */
export async function addPasskey(name: string): Promise<void> {
  const { word, options } = await api.post<Begun<PublicKeyCredentialCreationOptionsJSON>>(
    "/me/passkeys/begin",
    {},
  );
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
  await api.post("/me/passkeys", { word, credential: made.toJSON(), name });
}

/** Signs in with a passkey of this device. */
export async function signInWithPasskey(): Promise<Me> {
  const { word, options } = await api.post<Begun<PublicKeyCredentialRequestOptionsJSON>>(
    "/sign-in/passkey/ask",
    {},
  );
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const found = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
  await api.post("/sign-in/passkey", { word, credential: found.toJSON() });
  return api.me();
}

export const hasPasskeys = () => "PublicKeyCredential" in window && window.isSecureContext;
