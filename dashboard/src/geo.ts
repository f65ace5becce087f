/** The shapes of the countries (Natural Earth, public domain, by world-atlas), named by their ISO 3166-1 codes. */
import iso from "iso-3166-1";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import atlas from "world-atlas/countries-110m.json";

const topology = atlas as unknown as Topology<{ countries: GeometryCollection<{ name: string }> }>;
const ANTARCTICA = "AQ";

/** GeoJSON whose features are called by two-letter codes; what has none keeps its own name. */
export function countries() {
  const shapes = feature(topology, topology.objects.countries);
  for (const one of shapes.features) {
    const code = iso.whereNumeric(String(one.id ?? ""))?.alpha2;
    one.properties = { name: code ?? String(one.properties?.name ?? "") };
  }
  return { ...shapes, features: shapes.features.filter((one) => one.properties?.name !== ANTARCTICA) };
}
