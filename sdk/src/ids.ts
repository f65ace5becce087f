/** A UUIDv7 (RFC 9562, 5.7): order by id is order by time. */
export function uuid7(at: number): string {
  const random = [...crypto.getRandomValues(new Uint8Array(10))].map((byte, index) =>
    (index ? (index - 2 ? byte : (byte & 63) | 128) : (byte & 15) | 112).toString(16).padStart(2, "0"),
  );
  return (at.toString(16).padStart(12, "0") + random.join("")).replace(
    /(.{8})(.{4})(.{4})(.{4})/,
    "$1-$2-$3-$4-",
  );
}

/** The time at which a UUIDv7 was created. */
export const timeOf = (id: string) => Number.parseInt(id.replace("-", "").slice(0, 12), 16);
